package acmapi

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// reaches is how often a request that gets to nobody is sent in all. Waiting mends throttling, and not a region that does not exist
// or a network without a way out: ten attempts with the SDK's back-off would be silent for minutes.
const reaches = 3

// soonTold makes a client of ACM give up early where nobody is reached.
func soonTold(o *acm.Options) {
	if r, ok := o.Retryer.(aws.RetryerV2); ok {
		o.Retryer = reachable{r}
	}
}

// reachable is a retryer for which a request that cannot be sent is a failure after a few attempts.
type reachable struct{ aws.RetryerV2 }

// RetryDelay gives the error itself once there is to be no other attempt.
func (r reachable) RetryDelay(attempt int, err error) (time.Duration, error) {
	var unsent *smithyhttp.RequestSendError
	if attempt >= reaches && errors.As(err, &unsent) {
		return 0, err
	}
	return r.RetryerV2.RetryDelay(attempt, err)
}
