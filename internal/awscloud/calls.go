package awscloud

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// notReused is what the SDK says of a connection that it will not use again. The answer has
// been read by then: nobody has to do anything.
const notReused = "this may affect connection reuse"

// sdkLog takes what the SDK has to say into log: by itself it writes to standard error.
func sdkLog(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
		level, text := slog.LevelDebug, fmt.Sprintf(format, v...)
		if class == logging.Warn && !strings.Contains(text, notReused) {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "AWS SDK: "+text)
	})
}

// logCalls writes one debug line per call, retries included in its duration.
// Parameters are not logged: policies and metadata do not belong there.
func logCalls(log *slog.Logger) func(*middleware.Stack) error {
	call := middleware.InitializeMiddlewareFunc("LogCall", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		if !log.Enabled(ctx, slog.LevelDebug) {
			return next.HandleInitialize(ctx, in)
		}
		start := time.Now()
		out, metadata, err := next.HandleInitialize(ctx, in)
		attrs := []slog.Attr{
			slog.String("service", awsmiddleware.GetServiceID(ctx)),
			slog.String("operation", awsmiddleware.GetOperationName(ctx)),
			slog.Duration("duration", time.Since(start)),
		}
		if id, ok := awsmiddleware.GetRequestIDMetadata(metadata); ok {
			attrs = append(attrs, slog.String("requestId", id))
		}
		if err != nil {
			attrs = append(attrs, slog.Any("error", err))
		}
		log.LogAttrs(ctx, slog.LevelDebug, "AWS call", attrs...)
		return out, metadata, err
	})
	return func(stack *middleware.Stack) error { return stack.Initialize.Add(call, middleware.After) }
}
