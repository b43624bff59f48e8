package main

import (
	"context"
	"errors"
	"fmt"

	libdns "github.com/libdns/route53"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/route53"
)

// openRoute53 opens an AWS account as its users do: by the AWS chain of environment, profiles and roles, or by libdns's own fields.
func openRoute53(ctx context.Context, f *accountFlags, config []byte) (providers.Client, error) {
	var p libdns.Provider
	if err := providers.DecodeConfig(config, &p); err != nil {
		return nil, fmt.Errorf("route53: read the configuration: %w", err)
	}
	if f.profile != "" {
		p.Profile = f.profile
	}
	c, err := route53.New(ctx, &p, route53.Options{Role: f.role, ExternalID: f.externalID})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// noCredentials reports whether a provider that looks for credentials by itself has found none.
func noCredentials(err error) bool { return errors.Is(err, route53.ErrNoCredentials) }

// isExpired reports whether credentials were good once.
func isExpired(err error) bool { return errors.Is(err, route53.ErrExpired) }
