package acmapi_test

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/acmapi"
)

// All certificates of two accounts are checked as they are found; what cannot be read is told, and the rest go on.
func ExampleClient_AllSources() {
	ctx := context.Background()
	client, err := acmapi.Load(ctx, acmapi.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	scope := acmapi.Scope{
		Regions: []string{"eu-west-1", "us-east-1"}, // CloudFront's certificates are in us-east-1
		Roles:   []acmapi.Role{{}, {ARN: "arn:aws:iam::210987654321:role/audit", ExternalID: "between-us"}},
	}
	var checker validate.Checker
	for source, err := range client.AllSources(ctx, scope) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		report, err := checker.Check(ctx, source.Record)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(source.ID, report.Verdict)
	}
}
