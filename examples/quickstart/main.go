// Command quickstart checks one record in the public DNS and prints the verdict with what was found.
//
//	quickstart _a79….example.com. _424….acm-validations.aws.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/acmdoctor/acmdoctor/validate"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: quickstart NAME VALUE")
		os.Exit(2)
	}
	if err := diagnose(context.Background(), &validate.Checker{}, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// diagnose prints what a public CA that asks now would find. The zero Checker asks the real DNS.
func diagnose(ctx context.Context, checker *validate.Checker, name, value string) error {
	record, _, err := validate.ParseRecord("", name, value) // what ACM asks for
	if err != nil {
		return err
	}
	report, err := checker.Check(ctx, record)
	if err != nil {
		return err
	}
	fmt.Println(report.Verdict) // valid, invalid or undetermined
	for _, finding := range report.Findings {
		fmt.Println(finding.Rule, "-", finding.Message)
	}
	return nil
}
