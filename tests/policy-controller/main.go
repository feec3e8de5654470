// Command policy-controller asks a Rego policy about a statement, as policy-controller 0.13 does of a
// ClusterImagePolicy's attestation (its pkg/webhook/validator.go, by cosign's pkg/policy):
//
//	policy-controller POLICY <STATEMENT
//
// It ends with 0 where the policy is met, and with 1 and the reason where it is not. A warning is no yes there.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/sigstore/cosign/v2/pkg/policy"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: policy-controller POLICY <STATEMENT")
		os.Exit(2)
	}
	rules, err := os.ReadFile(os.Args[1])
	check(2, err)
	statement, err := io.ReadAll(os.Stdin)
	check(2, err)
	warning, err := policy.EvaluatePolicyAgainstJSON(context.Background(), "policy", "rego", string(rules), statement)
	check(1, err)
	check(1, warning)
}

func check(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(code)
	}
}
