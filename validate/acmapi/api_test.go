package acmapi_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
)

// withoutSearch refuses SearchCertificates as IAM does.
type withoutSearch struct{ *acm.Client }

func (withoutSearch) SearchCertificates(context.Context, *acm.SearchCertificatesInput, ...func(*acm.Options)) (*acm.SearchCertificatesOutput, error) {
	return nil, &types.AccessDeniedException{}
}
