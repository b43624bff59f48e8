package route53

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/acmdoctor/acmdoctor/providers"
)

// Why the account could not be reached. Errors that wrap one of these wrap [providers.ErrPermission], too.
var (
	// ErrExpired: the session is over; sign in again.
	ErrExpired = errors.New("the session of these AWS credentials has expired")
	// ErrNoCredentials: the AWS chain has no credentials, or AWS does not know them.
	ErrNoCredentials = errors.New("there are no AWS credentials that are valid")
)

// errUnreadable: somebody has answered with success and something else, a proxy's page say. The SDK reads that as an answer in which
// nothing is; that nothing stands in a zone is not concluded from it.
var errUnreadable = errors.New("the answer is not Route 53's")

func unreadable(action string) error { return fmt.Errorf("route53: %s: %w", action, errUnreadable) }

// ready reports why no request can be sent: the context's error, or that of the credentials, which is told apart from what the
// service says.
func (c *Client) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("route53: %w", err)
	}
	if c.credentials == nil {
		return fmt.Errorf("route53: %w: %w", ErrNoCredentials, providers.ErrPermission)
	}
	_, err := c.credentials.Retrieve(ctx)
	if err == nil {
		return nil
	}
	action := "read the credentials"
	if c.role != "" {
		action = "sts:AssumeRole"
	}
	var code smithy.APIError
	if errors.As(err, &code) || ctx.Err() != nil {
		return c.failed(ctx, action, c.role, err)
	}
	why := ErrNoCredentials
	var sso *ssocreds.InvalidTokenError
	if errors.As(err, &sso) {
		why = ErrExpired
	}
	return fmt.Errorf("route53: %w: %w: %w", why, providers.ErrPermission, providers.Redact(err))
}

// failed says which action on what did not succeed, in the terms of package providers, without what is secret: the answer to a
// wrong signature repeats the request's headers, and the session token is among them.
func (c *Client) failed(ctx context.Context, action, resource string, err error) error {
	var secrets []providers.Secret
	if v, rerr := c.credentials.Retrieve(ctx); rerr == nil {
		secrets = []providers.Secret{providers.Secret(v.SecretAccessKey), providers.Secret(v.SessionToken)}
	}
	plain := providers.Redact(err, secrets...)
	if ctx.Err() != nil {
		return fmt.Errorf("route53: %s: %w: %w", action, ctx.Err(), plain)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("route53: %s: %w", action, plain)
	}
	said := providers.Redact(errors.New(message(api)), secrets...)
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized":
		return fmt.Errorf("route53: the permission %s on %s is missing: %w: %w", action, resource, providers.ErrPermission, said)
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired":
		return fmt.Errorf("route53: %s: %w: %w: %w", action, ErrExpired, providers.ErrPermission, said)
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException",
		"MissingAuthenticationToken", "IncompleteSignature", "AuthFailure":
		return fmt.Errorf("route53: %s: %w: %w: %w", action, ErrNoCredentials, providers.ErrPermission, said)
	case "NoSuchHostedZone":
		return fmt.Errorf("route53: %s on %s: %w", action, resource, providers.ErrZoneNotFound)
	}
	return fmt.Errorf("route53: %s: %w", action, said)
}

// message gives what the service said: an InvalidChangeBatch lists its reasons apart.
func message(err smithy.APIError) string {
	text := err.ErrorMessage()
	var batch *types.InvalidChangeBatch
	if errors.As(err, &batch) && len(batch.Messages) > 0 {
		text = strings.Join(batch.Messages, "; ")
	}
	if text == "" {
		return err.ErrorCode()
	}
	return err.ErrorCode() + ": " + text
}
