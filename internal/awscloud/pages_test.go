package awscloud_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
)

// A list whose pages lead back to an earlier one is no list, and ends as an error: not as a
// list that lacks something, and not never.
func TestListsThatLeadBack(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	token := func() string { // 1, 2, 1, 2, …
		n := asked.Add(1)
		if n > 10 {
			t.Error("asked for ever")
			return ""
		}
		return fmt.Sprint(n % 2)
	}
	iam := at(t, func(w http.ResponseWriter, r *http.Request) {
		what := r.FormValue("Action")
		next := token()
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult><IsTruncated>%[2]t</IsTruncated><Marker>%[3]s</Marker></%[1]sResult></%[1]sResponse>", what, next != "", next)
	})
	control := over(t, func(*http.Request) (int, string) {
		return http.StatusOK, "<ListAccessPointsResult><NextToken>" + token() + "</NextToken></ListAccessPointsResult>"
	})
	for name, list := range map[string]func() error{
		"policies": func() (err error) {
			for _, err = range iam.Policies(t.Context(), "") {
			}
			return err
		},
		"versions": func() error { return iam.PrunePolicy(t.Context(), "arn:aws:iam::123456789012:policy/p", 4) },
		"access points": func() error {
			_, err := control.AccessPointsInUse(t.Context())
			return err
		},
	} {
		asked.Store(0)
		if err := list(); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
