package awscloud

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/smithy-go/logging"
)

// TestWhatTheSDKSays: its warnings are warnings, but those about a connection that it will
// not use again, which no operator can do anything about.
func TestWhatTheSDKSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Response has no supported checksum. Not validating response payload.":                     "level=WARN",
		"failed to discard remaining HTTP response body, this may affect connection reuse: closed": "level=DEBUG",
		"failed to close HTTP response body, this may affect connection reuse":                     "level=DEBUG",
	} {
		var out bytes.Buffer
		sdkLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))).Logf(logging.Warn, "%s", text)
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), text) {
			t.Errorf("%q: %s", text, &out)
		}
	}
}
