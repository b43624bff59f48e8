package acmapi

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// API is the part of ACM that is used. [*acm.Client] has it.
type API interface {
	acm.ListCertificatesAPIClient
	acm.ListCertificateDomainValidationsAPIClient
	acm.SearchCertificatesAPIClient
	DescribeCertificate(context.Context, *acm.DescribeCertificateInput, ...func(*acm.Options)) (*acm.DescribeCertificateOutput, error)
	DescribeAcmeDomainValidation(context.Context, *acm.DescribeAcmeDomainValidationInput, ...func(*acm.Options)) (*acm.DescribeAcmeDomainValidationOutput, error)
}

// Client reads certificates. It is made by [Load] or [New] and safe for concurrent use; its fields must not be changed
// meanwhile.
type Client struct {
	// Region, where it is set, is the only one that is asked: a certificate of another one is an [ErrOtherRegion]. It is
	// also where [Client.All] looks if nothing else is said.
	Region string
	// Patience is how long to wait for records that ACM has not issued yet; 0: not at all.
	Patience time.Duration
	// NewAPI makes the client of a region; nil: ACM's own.
	NewAPI func(cfg aws.Config) API

	config aws.Config
	mu     sync.Mutex
	apis   map[place]*regional
}

// Settings say where credentials come from. Their zero value leaves all of it to the environment and the shared files, as
// every tool of AWS does.
type Settings struct {
	Profile string // of the shared configuration; "": AWS_PROFILE, or the default one
}

// attempts is how often a request that AWS throttles is sent in all. ACM describes ten certificates a second for an account
// (ACM User Guide, "Quotas"); the SDK's adaptive mode slows down to what it gets.
const attempts = 10

// Load finds credentials by AWS's own chain: environment, shared files and profiles, SSO, web identity, container and
// instance roles. Nothing is asked of AWS before the first certificate is. The error is one of the files or of the profile.
func Load(ctx context.Context, s Settings) (*Client, error) {
	var options []func(*config.LoadOptions) error
	if s.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("acmapi: read the AWS configuration: %w", err)
	}
	return New(cfg), nil
}

// New uses a configuration of the AWS SDK. Where it says nothing about retries, throttled requests are retried in the SDK's
// adaptive mode.
func New(cfg aws.Config) *Client {
	if cfg.Retryer == nil && cfg.RetryMode == "" {
		cfg.RetryMode = aws.RetryModeAdaptive
	}
	if cfg.Retryer == nil && cfg.RetryMaxAttempts == 0 {
		cfg.RetryMaxAttempts = attempts
	}
	return &Client{config: cfg}
}

// Role is one of another account, which is taken on to read that account's certificates.
type Role struct {
	ARN         string
	ExternalID  string // what the account's owner wants to be told, "" for nothing
	SessionName string // how the session is called in that account's logs; "": acmdoctor
}

// place is whose certificates, and where.
type place struct {
	role   Role
	region string
}

// regional is ACM in one place.
type regional struct {
	API
	credentials aws.CredentialsProvider
	role        string
}

// at gives ACM in a place, with credentials that are there. One client serves all that is asked of a place, for it is what
// knows how fast AWS lets it ask.
func (c *Client) at(ctx context.Context, p place) (*regional, error) {
	c.mu.Lock()
	r, ok := c.apis[p]
	if !ok {
		r = c.connect(p)
		if c.apis == nil {
			c.apis = map[place]*regional{}
		}
		c.apis[p] = r
	}
	c.mu.Unlock()
	if r.credentials == nil {
		return nil, credentialsError(ctx, nil, r.role)
	}
	if _, err := r.credentials.Retrieve(ctx); err != nil {
		return nil, credentialsError(ctx, err, r.role)
	}
	return r, nil
}

func (c *Client) connect(p place) *regional {
	cfg := c.config.Copy()
	cfg.Region = p.region
	if p.role.ARN != "" {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), p.role.ARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "acmdoctor"
			if p.role.SessionName != "" {
				o.RoleSessionName = p.role.SessionName
			}
			if p.role.ExternalID != "" {
				o.ExternalID = aws.String(p.role.ExternalID)
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(provider)
	}
	r := &regional{credentials: cfg.Credentials, role: p.role.ARN}
	if c.NewAPI != nil {
		r.API = c.NewAPI(cfg)
	} else {
		r.API = acm.NewFromConfig(cfg, soonTold)
	}
	return r
}
