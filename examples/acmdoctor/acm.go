package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/acmapi"
)

// acmFlags say how certificates are read through the AWS API.
type acmFlags struct {
	profile, region string
	client          *acmapi.Client // made for the first certificate
	// patience is until when records are waited for that ACM has not issued yet, and awaits is told of a certificate that has such.
	// Nil: for [acmPatience], and nobody is told.
	patience func() time.Duration
	awaits   func(arn string)
}

func (f *acmFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.profile, "profile", "", "the profile `NAME` of the AWS configuration, for a SOURCE that is an ARN (default: as every AWS tool finds credentials)")
	fl.StringVar(&f.region, "region", "", "refuse ARNs of another AWS `REGION` (default: the region in the ARN is asked)")
}

// acmPatience is how long a certificate's records are waited for that ACM has not issued yet, seconds after the request.
const acmPatience = time.Minute

// isARN recognises a SOURCE that is to be an ARN, be it a right one or not.
func isARN(source string) bool { return strings.HasPrefix(source, "arn:") }

// check says before anything is asked whether a certificate can be read by this ARN.
func (f *acmFlags) check(arn string) error {
	err := acmapi.Accepts(arn)
	if parts := strings.SplitN(arn, ":", 6); err == nil && f.region != "" && len(parts) == 6 && parts[3] != f.region {
		err = fmt.Errorf("--region is %s, and %s lies in %s; leave --region out, the ARN says where to ask", f.region, arn, parts[3])
	}
	return err
}

// read gives what is to be checked of a certificate; an error is a Source, as one of a file would be.
func (f *acmFlags) read(ctx context.Context, arn string) []validate.Source {
	if f.client == nil {
		client, err := acmapi.Load(ctx, acmapi.Settings{Profile: f.profile})
		if err != nil {
			return []validate.Source{{ID: arn, Err: err}}
		}
		client.Region = f.region
		if f.patience == nil {
			client.Patience = acmPatience
		}
		f.client = client
	}
	sources, err := f.client.Sources(ctx, arn)
	if f.patience != nil && slices.ContainsFunc(sources, func(s validate.Source) bool { return errors.Is(s.Err, validate.ErrRecordPending) }) {
		f.awaits(arn)
		f.client.Patience = f.patience()
		sources, err = f.client.Sources(ctx, arn)
		f.client.Patience = 0
	}
	if err == nil {
		return sources
	}
	if errors.Is(err, acmapi.ErrNoCredentials) || errors.Is(err, acmapi.ErrExpiredSession) || errors.Is(err, acmapi.ErrPermission) {
		err = fmt.Errorf("%w\nwhoever has credentials can pipe it in:\n  aws acm describe-certificate --region %s --certificate-arn %s | acmdoctor check -",
			err, strings.SplitN(arn, ":", 6)[3], arn)
	}
	return []validate.Source{{ID: arn, Err: err}}
}
