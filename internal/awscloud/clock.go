package awscloud

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// ClockAhead returns how far this machine's clock is before AWS's; a clock that is behind is
// negative. The Date of an answer has whole seconds, so that less than two say nothing.
func (c *Cloud) ClockAhead(ctx context.Context) (time.Duration, error) {
	out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return 0, failed(err, "asking what time it is")
	}
	theirs, said := awsmiddleware.GetServerTime(out.ResultMetadata)
	ours, got := awsmiddleware.GetResponseAt(out.ResultMetadata)
	if !said || !got {
		return 0, failed(errNoAnswer, "asking what time it is")
	}
	return ours.Sub(theirs), nil
}
