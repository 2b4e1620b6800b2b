package s3api

import (
	"crypto/sha256"
	"strings"
	"testing"
)

// What a completing request says of a part is compared with what came with the part,
// whatever algorithm the upload has; what cannot be compared is refused.
func TestCompleteComparesWhatPartsCameWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := []byte("only part")
	sum := sha256.Sum256(body)
	right, wrong := b64(sum[:]), b64(make([]byte, len(sum)))
	for name, tc := range map[string]struct {
		part, listed string
		status       int
		code         string
	}{
		"as it came":      {right, right, 200, ""},
		"not as it came":  {right, wrong, 400, "InvalidPart"},
		"it came without": {"", right, 400, "InvalidPart"},
		"neither":         {"", "", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			upload := w.begin(strings.ReplaceAll(name, " ", "-"))
			var headers []string
			if tc.part != "" {
				headers = []string{"x-amz-checksum-sha256", tc.part}
			}
			sent := w.part(upload, 1, body, headers...)
			sent.is(t, 200, "")
			sent.Header.Del("x-amz-checksum-sha256")
			if tc.listed != "" {
				sent.Header.Set("x-amz-checksum-sha256", tc.listed)
			}
			w.do(w.root, "POST", upload, completion(sent)).is(t, tc.status, tc.code)
		})
	}
}
