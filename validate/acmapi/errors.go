package acmapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
)

// What the errors of this package wrap, for whoever wants to act on them. A context's own error is wrapped, too.
var (
	// ErrNotACertificate: the text is no ARN, or one of something else than a certificate of ACM.
	ErrNotACertificate = errors.New("not the ARN of an ACM certificate")
	// ErrOtherRegion: the certificate lies in another region than [Client.Region] allows.
	ErrOtherRegion = errors.New("a certificate of another region")
	// ErrNotFound: the account has no such certificate in that region.
	ErrNotFound = errors.New("no such certificate")
	// ErrNoCredentials: AWS's chain found no credentials, or AWS does not know the ones it found.
	ErrNoCredentials = errors.New("no credentials that AWS accepts")
	// ErrExpiredSession: the credentials were good and are not any more.
	ErrExpiredSession = errors.New("the session has expired: sign in again")
	// ErrPermission: the credentials are good and do not allow it. The error is a [*PermissionError].
	ErrPermission = errors.New("not allowed")
	// ErrThrottled: AWS still asked to slow down after all retries.
	ErrThrottled = errors.New("AWS asks to slow down")
)

// PermissionError names the permission that is missing. It wraps [ErrPermission].
type PermissionError struct {
	Action   string // as an IAM policy names it: acm:DescribeCertificate
	Resource string // the ARN that it is wanted for; "*" where the action knows none
}

// Error says which action is missing, and on what.
func (e *PermissionError) Error() string {
	return fmt.Sprintf("the credentials lack the permission %s on %s", e.Action, e.Resource)
}

// Unwrap gives [ErrPermission].
func (e *PermissionError) Unwrap() error { return ErrPermission }

// apiError says what an error of the AWS SDK means to the caller. What the SDK says of requests and signatures is left out:
// it helps nobody, and nobody has to look for secrets in it.
func apiError(ctx context.Context, err error, action, resource string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return err
		}
		return fmt.Errorf("no answer from AWS: %s", plain(lastOf(err).Error()))
	}
	switch code := api.ErrorCode(); code {
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized":
		return &PermissionError{Action: action, Resource: resource}
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired":
		return ErrExpiredSession
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "IncompleteSignature", "OptInRequired", "AuthFailure":
		return fmt.Errorf("%w (%s)", ErrNoCredentials, code)
	case "ResourceNotFoundException":
		return ErrNotFound
	case "InvalidArnException":
		return ErrNotACertificate
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return ErrThrottled
	default:
		return fmt.Errorf("AWS answers %s: %s", plain(code), plain(api.ErrorMessage()))
	}
}

// credentialsError says why there are none.
func credentialsError(ctx context.Context, err error, role string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var sso *ssocreds.InvalidTokenError
	if errors.As(err, &sso) {
		return fmt.Errorf("%w (aws sso login)", ErrExpiredSession)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if role != "" {
			return apiError(ctx, err, "sts:AssumeRole", role)
		}
		return apiError(ctx, err, "sts:AssumeRole", "the profile's role")
	}
	return fmt.Errorf("%w: %s", ErrNoCredentials, "set AWS_PROFILE, name a profile, or log in (aws sso login, aws configure)")
}

// lastOf is the innermost error, which says what happened to the connection.
func lastOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// plain makes text of an answer fit to be shown.
func plain(s string) string {
	const most = 300
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x7e && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}
