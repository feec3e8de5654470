# type: https://example.com/scan
# yes: {"critical":0,"high":0}
# no: {"critical":2,"high":0}
# no: {"critical":0,"high":3}
# no: {"high":0}
package sigstore

isCompliant[response] {
	result = input.predicate.critical == 0
	error = reason(result)
	warning = warned(input.predicate.high)
	response := {"result": result, "error": error, "warning": warning}
}

reason(true) = ""

reason(false) = "critical findings"

warned(0) = ""

warned(n) = "high findings" {
	n > 0
}
