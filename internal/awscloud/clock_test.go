package awscloud_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
)

func TestClockAhead(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, 7 * time.Minute, -7 * time.Minute} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-ahead).UTC().Format(http.TimeFormat))
			_, _ = w.Write([]byte(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
				<Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
		}))
		t.Cleanup(server.Close)
		c, err := awscloud.New(t.Context(), awscloud.Config{
			Region: "us-east-1", AccountID: "123456789012", Endpoint: server.URL, Credentials: awscloud.StaticCredentials("AKIA", "secret"),
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.ClockAhead(t.Context())
		if err != nil || (got-ahead).Abs() > time.Minute {
			t.Errorf("%s, %v; want %s", got, err, ahead)
		}
	}
}
