package awscloud_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// S3 replaces a lifecycle as a whole: what others have said there goes along.
func TestLifecycleKeepsWhatOthersSaid(t *testing.T) {
	t.Parallel()
	var sent, least string
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			body, _ := io.ReadAll(r.Body)
			sent, least = string(body), r.Header.Get("X-Amz-Transition-Default-Minimum-Object-Size")
			return
		}
		w.Header().Set("X-Amz-Transition-Default-Minimum-Object-Size", "varies_by_storage_class")
		_, _ = io.WriteString(w, `<LifecycleConfiguration><Rule><ID>theirs</ID><Status>Enabled</Status><Filter><Prefix>x/</Prefix></Filter>`+
			`<Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>`)
	})
	if err := c.AbortIncompleteUploads(t.Context(), "b", 7); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(sent, "<ID>theirs</ID>") || !strings.Contains(sent, "<ID>managedcas-abort-incomplete-uploads</ID>") || least != "varies_by_storage_class" {
		t.Errorf("sent %s with %q", sent, least)
	}
}
