package awscloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/managedcas/managedcas/internal/cloud"
)

// One place repeats calls, the SDK's retryer, and one place decides when they go out, the
// API's pacer: it stands inside of the retryer, so that every attempt needs a token. A
// throttled call is repeated without any other delay, and the reconciler above may try as
// often as it likes: what leaves the process is bounded by the pacer.

const (
	// maxAttempts bounds the tries of one call, the first included. The engines above
	// retry for longer where that is right.
	maxAttempts = 4
	// callTimeout bounds a control-plane call with all its attempts and waiting, and
	// attemptTimeout one attempt: IAM and S3 Control answer within a second or two.
	callTimeout    = 30 * time.Second
	attemptTimeout = 10 * time.Second
)

var (
	errCallTimeout    = fmt.Errorf("no answer within %s", callTimeout)
	errAttemptTimeout = fmt.Errorf("no answer within %s", attemptTimeout)
)

// slow is an attempt that took too long. It is worth another one.
type slow struct{}

func (slow) Error() string { return errAttemptTimeout.Error() }
func (slow) Timeout() bool { return true }

// standardRetryer repeats what may succeed, with growing delays.
func standardRetryer() aws.RetryerV2 {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = 5 * time.Second
	})
}

// pacedRetryer leaves the delay after a throttled attempt to the pacer.
type pacedRetryer struct{ aws.RetryerV2 }

func (r pacedRetryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	if throttle(err) {
		return 0, nil
	}
	return r.RetryerV2.RetryDelay(attempt, err)
}

// throttle reports whether AWS says that it is asked too often.
func throttle(err error) bool {
	status := statusOf(err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		return true
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && outcomes()[answer.ErrorCode()] == cloud.ErrThrottled
}

// call is one call under way. Its attempts follow each other.
type call struct {
	api       api
	pacer     *pacer // nil: not paced
	began     time.Time
	attempts  int
	throttles int
	waited    time.Duration // for tokens
}

type callKey struct{}

// bound gives every call its deadline and every attempt its token, and tells watch.
func bound(rates *Rates, watch watcher) func(*middleware.Stack) error {
	whole := middleware.InitializeMiddlewareFunc("BoundCall", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		c := &call{began: time.Now(), api: api{
			service:   strings.ToLower(strings.ReplaceAll(awsmiddleware.GetServiceID(ctx), " ", "")),
			operation: awsmiddleware.GetOperationName(ctx),
		}}
		c.pacer = rates.of(c.api)
		if c.pacer != nil {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, callTimeout, errCallTimeout)
			defer cancel()
		}
		ctx = watch.callBegins(context.WithValue(ctx, callKey{}, c), c)
		out, metadata, err = next.HandleInitialize(ctx, in)
		if err != nil && context.Cause(ctx) == errCallTimeout { //nolint:errorlint // set above as it is
			err = ownDeadline(err)
		}
		watch.callEnds(ctx, c, err)
		return out, metadata, err
	})
	attempt := middleware.FinalizeMiddlewareFunc("PaceAttempt", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		return ctx.Value(callKey{}).(*call).attempt(ctx, in, next, watch)
	})
	return func(stack *middleware.Stack) error {
		if _, sends := stack.Finalize.Get("Retry"); !sends {
			return nil // a request that is only signed, for somebody else to send
		}
		if err := stack.Initialize.Add(whole, middleware.After); err != nil {
			return err
		}
		return stack.Finalize.Insert(attempt, "Retry", middleware.After)
	}
}

// ownDeadline describes a call that ran out of the time that it is given here: nobody
// above gave up, so that the error must not look as if.
func ownDeadline(err error) error {
	if errors.Is(err, errTooBusy) || errors.Is(err, errCallTimeout) {
		return err
	}
	return fmt.Errorf("%w: %v", errCallTimeout, err) //nolint:errorlint // without the context's error
}

func (c *call) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler, watch watcher,
) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
	if c.pacer == nil {
		c.attempts++
		out, metadata, err = next.HandleFinalize(ctx, in)
		if throttle(err) {
			c.throttles++
		}
		watch.attemptEnds(ctx, c, metadata, err)
		return out, metadata, err
	}
	began := time.Now()
	epoch, err := c.pacer.wait(ctx)
	c.waited += time.Since(began)
	if err != nil {
		if errors.Is(err, errCallTimeout) {
			err = errTooBusy
		}
		return out, metadata, err
	}
	c.attempts++
	own, cancel := context.WithTimeoutCause(ctx, attemptTimeout, errAttemptTimeout)
	defer cancel()
	out, metadata, err = next.HandleFinalize(own, in)
	switch {
	case throttle(err):
		c.throttles++
		c.pacer.throttled(epoch)
	case err == nil || statusOf(err) != 0 && statusOf(err) < 500: // AWS is well
		c.pacer.answered(epoch)
	case context.Cause(own) == errAttemptTimeout: //nolint:errorlint // set above as it is
		err = slow{}
	}
	watch.attemptEnds(ctx, c, metadata, err)
	return out, metadata, err
}
