// Command anylibdns mends one record at a provider that the acmdoctor tool has not: Google Cloud DNS or Azure DNS, whose SDKs are
// large, or any other libdns v1 provider, for which open takes one more case. It is a program to copy from.
//
//	anylibdns azure azure.json _a79….example.com. _424….acm-validations.aws.            shows the plan
//	anylibdns azure azure.json _a79….example.com. _424….acm-validations.aws. apply     makes it
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/libdns/azure"
	"github.com/libdns/googleclouddns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/validate"
)

func main() {
	if n := len(os.Args); n < 5 || n > 6 || n == 6 && os.Args[5] != "apply" {
		fmt.Fprintln(os.Stderr, "usage: anylibdns googleclouddns|azure CONFIG.json NAME VALUE [apply]")
		os.Exit(2)
	}
	config, err := os.ReadFile(os.Args[2])
	if err == nil {
		var client providers.Client
		if client, err = open(os.Args[1], config); err == nil {
			err = mend(context.Background(), os.Stdout, client, &validate.Checker{}, os.Args[3], os.Args[4], len(os.Args) == 6)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "anylibdns:", err)
		os.Exit(1)
	}
}

// open makes a client of a provider's own libdns configuration. What is known of the provider comes with its profile; without one,
// the zero Quirks are the most cautious treatment.
func open(name string, config []byte) (providers.Client, error) {
	var p providers.LibDNS
	switch name {
	case "googleclouddns":
		p = &googleclouddns.Provider{}
	case "azure":
		p = &azure.Provider{}
	default:
		return nil, fmt.Errorf("%q is not in this program", name)
	}
	profile, _ := providers.ProfileOf(name)
	quirks, err := profile.Configure(config, p)
	if err != nil {
		return nil, err
	}
	return providers.FromLibdns(p, quirks), nil
}

// mend checks the record, shows the plan and, where asked to, applies it. What takes the change back is written out before the
// first change is made.
func mend(ctx context.Context, w io.Writer, client providers.Client, checker *validate.Checker, name, value string, apply bool) error {
	record, _, err := validate.ParseRecord("", name, value)
	if err != nil {
		return err
	}
	report, err := checker.Check(ctx, record)
	if err != nil {
		return err
	}
	plan, err := providers.NewPlan(ctx, client, report)
	if err != nil {
		return err
	}
	fmt.Fprint(w, plan)
	if !apply || plan.Empty() {
		return nil
	}
	applier := providers.Applier{Journal: func(_ context.Context, u providers.Undo) error {
		return json.NewEncoder(w).Encode(u)
	}}
	result, err := applier.Apply(ctx, client, plan)
	if err != nil {
		return err
	}
	for _, step := range result.Done {
		fmt.Fprintln(w, "done:", step.Name, step.Type)
	}
	if report, err = checker.Check(ctx, record); err != nil {
		return err
	}
	fmt.Fprintln(w, report.Verdict)
	return nil
}
