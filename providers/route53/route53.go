// Package route53 changes zones of Amazon Route 53. It takes libdns's own route53.Provider as its configuration and asks the
// service itself, by the AWS SDK.
//
//	client, err := route53.New(ctx, &libdns.Provider{Profile: "dns"}, route53.Options{})
//	if err != nil { … }
//	plan, err := providers.NewPlan(ctx, client, report)
//
// Zones are told apart by ID: every hosted zone of a name is found, public and private, with its own name servers. A change is one
// batch of deletions, each naming a set exactly as it was read, and of creations, which find none: carried out whole or not at
// all, and refused when anything at these names is not as it was read. UPSERT, which overwrites, is never sent. Alias sets and
// those routed by weight, latency and the like are shown and never written.
//
// libdns's own provider was measured (v1.6.2) to write into a private zone of the same name, to write on a deletion that deletes
// nothing, to lose alias sets and to end the process where it finds no configuration; nothing of it is called here.
package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	libdns "github.com/libdns/route53"

	"github.com/acmdoctor/acmdoctor/providers"
)

// What holds where libdns's value leaves a field empty; the first two are libdns's own defaults.
const (
	DefaultMaxRetries = 5
	DefaultMaxWait    = time.Minute
	defaultRegion     = "us-east-1" // Route 53 is global, and the SDK wants a region all the same
)

// Options is what libdns's value cannot say. Its zero value is right for an account that is reached directly.
type Options struct {
	// Role is the ARN of a role to be assumed, as the account that holds the zones often is another one; empty: none.
	Role string
	// ExternalID is handed over when the role is assumed; empty: none.
	ExternalID string
	// Endpoint is the URL of the service, and of STS, for tests and private endpoints; empty: AWS's own, or what its environment
	// variables say.
	Endpoint string
	// HTTP carries out requests; nil: the SDK's client.
	HTTP Doer
	// Backoff says how long to wait before the attempt-th retry (from 1), and before it is asked for the attempt-th time whether a
	// change is done. Nil: exponentially longer, with jitter, up to 20 seconds; a second, rising to five.
	Backoff func(attempt int) time.Duration
}

// Doer is what an [http.Client] does.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client is one AWS account's Route 53: a [providers.Client] that finds zones, by name and by ID, searches them, and knows when a
// change is served everywhere. [New] makes it. It is safe for concurrent use.
type Client struct {
	api         *r53.Client
	sts         *sts.Client
	credentials aws.CredentialsProvider
	role        string
	zoneID      string // the only zone to be used; empty: all
	maxWait     time.Duration
	backoff     func(attempt int) time.Duration
	reads       func(*r53.Options)
	writes      func(*r53.Options)
	turns       providers.ZoneLock // Route 53 refuses a second change meanwhile (PriorRequestNotComplete)

	mu      sync.Mutex
	pending map[string]pendingChanges // by zone ID
}

// New makes a Client of libdns's value; nil is its zero value. Its fields mean what they mean there: region, profile, keys, session
// token (else the AWS chain: environment, shared configuration, roles), the hosted zone's ID, how often to retry, and how long to
// wait at most for a change to be served everywhere. WaitForRoute53Sync and SkipRoute53SyncOnDelete are not looked at: whether to
// wait is for the engine to say, by [Client.Settle]. Logger is not used. The value is not kept.
//
// No request is sent. The error is about configuration that cannot be read.
func New(ctx context.Context, p *libdns.Provider, own Options) (*Client, error) {
	if p == nil {
		p = &libdns.Provider{}
	}
	load := []func(*config.LoadOptions) error{}
	if p.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(p.Profile))
	}
	if p.Region != "" {
		load = append(load, config.WithRegion(p.Region))
	}
	if (p.AccessKeyId == "") != (p.SecretAccessKey == "") {
		return nil, errors.New("route53: of the access key's ID and the secret key one is missing: give both, or none for the AWS chain")
	}
	if p.AccessKeyId != "" {
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(p.AccessKeyId, p.SecretAccessKey, p.SessionToken)))
	}
	if p.HostedZoneID != "" && !isZoneID(p.HostedZoneID) {
		return nil, fmt.Errorf("route53: %q is no hosted zone's ID, which is capital letters and digits: %w", p.HostedZoneID, providers.ErrZoneNotFound)
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("route53: load the AWS configuration: %w",
			providers.Redact(err, providers.Secret(p.SecretAccessKey), providers.Secret(p.SessionToken)))
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	if own.HTTP != nil {
		cfg.HTTPClient = own.HTTP // not before loading, which refuses it beside a CA bundle
	}
	if own.Endpoint != "" {
		cfg.BaseEndpoint = aws.String(own.Endpoint)
	}
	c := &Client{zoneID: p.HostedZoneID, role: own.Role, backoff: own.Backoff, maxWait: p.Route53MaxWait, pending: map[string]pendingChanges{}}
	if c.maxWait == 0 {
		c.maxWait = DefaultMaxWait
	}
	retries := p.MaxRetries
	if retries == 0 {
		retries = DefaultMaxRetries
	}
	every := retryer(retries, own.Backoff, retry.DefaultRetryables)
	refused := retryer(retries, own.Backoff, []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}})
	cfg.Retryer = func() aws.Retryer { return every }
	if own.Role != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), own.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "acmdoctor"
			if own.ExternalID != "" {
				o.ExternalID = aws.String(own.ExternalID)
			}
		}))
	}
	c.credentials = cfg.Credentials
	c.api, c.sts = r53.NewFromConfig(cfg), sts.NewFromConfig(cfg)
	c.reads = func(o *r53.Options) { o.Retryer = every }
	// A write is repeated only where the answer says that nothing was done: after a time-out or a 500 nobody knows, and the engine
	// reads what is there.
	c.writes = func(o *r53.Options) { o.Retryer = refused }
	return c, nil
}

// retryer is the SDK's own, PriorRequestNotComplete among what it calls throttling.
func retryer(retries int, backoff func(int) time.Duration, what []retry.IsErrorRetryable) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = retries + 1
		o.Retryables = what
		o.Backoff = retry.NewExponentialJitterBackoff(retry.DefaultMaxBackoff)
		if backoff != nil {
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return backoff(attempt), nil })
		}
	})
}

// Name is "route53".
func (c *Client) Name() string { return "route53" }

// Traits: a batch is one request, which is carried out whole, at once, and only on what was read.
func (c *Client) Traits() providers.Traits {
	return providers.Traits{Atomic: true, CompareAndSwap: true, Replaces: true}
}

// Identity gives the ARN of whoever the credentials belong to. It needs no permission (sts:GetCallerIdentity).
func (c *Client) Identity(ctx context.Context) (string, error) {
	if err := c.ready(ctx); err != nil {
		return "", err
	}
	out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", c.failed(ctx, "sts:GetCallerIdentity", "*", err)
	}
	return aws.ToString(out.Arn), nil
}

var zoneID = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)

// isZoneID reports whether the text may be an ID; anything else must not become part of a URL.
func isZoneID(s string) bool { return zoneID.MatchString(s) }
