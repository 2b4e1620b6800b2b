package cashttp_test

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/test/rig"
)

// A client that asks first does not send a large duplicate; of what is new, that costs
// one look more.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, size := range []int{1<<20 + 1, 9 << 20} {
		content, d := rig.Content(size)
		for i, want := range []int{http.StatusCreated, http.StatusOK} {
			s.Forget()
			conn := s.dial(t)
			fmt.Fprintf(conn, "PUT /v1/artifacts/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
				d, s.Token(t, s.uploader()), size)
			answers := bufio.NewReader(conn)
			response, err := http.ReadResponse(answers, nil)
			if err == nil && response.StatusCode == http.StatusContinue && i == 0 {
				_, _ = conn.Write(content)
				response, err = http.ReadResponse(answers, nil)
			}
			if err != nil || response.StatusCode != want {
				t.Fatalf("%d bytes, %d: %v, %v; want %d", size, i, response, err, want)
			}
			calls := map[string]int{"ListObjectsV2": 1}
			if i == 0 {
				calls["PutObject"] = 1
			}
			if got := s.Calls(); !maps.Equal(got, calls) {
				t.Errorf("%d bytes, %d: %v, want %v", size, i, got, calls)
			}
		}
	}
}
