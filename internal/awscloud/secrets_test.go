package awscloud_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
)

// An answer is bounded; a value of the largest size that AWS keeps fits in it.
func TestSecretAnswersAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 128 << 10
	for length, fits := range map[int]bool{limit: true, limit + 1: false} {
		c := at(t, func(w http.ResponseWriter, _ *http.Request) {
			const answer = `{"Name":"s","SecretString":"value"}`
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_, _ = io.WriteString(w, strings.Repeat(" ", length-len(answer))+answer)
		})
		value, err := c.SecretValue(t.Context(), "s")
		if fits && (err != nil || string(value) != "value") {
			t.Errorf("%d bytes: %q, %v", length, value, err)
		}
		if !fits && !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("%d bytes: %v, want ErrUnavailable", length, err)
		}
	}
}
