// Command lambda is an AWS Lambda function that checks a batch of records. Step Functions' Distributed Map hands it the
// items of an NDJSON object in S3, so that very many accounts, and many vantage points, run on an engine that exists:
// statemachine.asl.json is that map, template.yaml deploys both.
//
//	GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -o bootstrap .
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

func main() {
	// A function outside a VPC has no IPv6.
	lambda.Start(handler{checker: &validate.Checker{Lean: true, Family: resolver.IPv4Only}}.handle)
}
