# type: https://example.com/scan
# yes: {"finished":"2200-01-01T00:00:00Z"}
# no: {"finished":"2001-01-01T00:00:00Z"}
# no: {"finished":7}
package signature

default allow = false

week := ((7 * 24) * 3600) * 1000000000

allow {
	age := time.now_ns() - time.parse_rfc3339_ns("2001-01-01T00:00:00Z")
	age > week
	finished := time.parse_rfc3339_ns(input.predicate.finished)
	time.now_ns() - finished < week
}
