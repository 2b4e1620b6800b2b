package s3api

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Of 32 writers of all three kinds who demand at the same moment that there be nothing,
// one wins (AWS §7.2): PutObject, CompleteMultipartUpload and CopyObject. It is tried with
// each kind alone and with all together.
func TestOneWinnerOfAllKinds(t *testing.T) {
	t.Parallel()
	const writers = 32
	none := []string{"If-None-Match", "*"}
	kinds := map[string]func(w *world, i int) func() answer{
		"put": func(w *world, i int) func() answer {
			return func() answer { return w.put(w.root, "/shared/k", whatWrites(i), none...) }
		},
		"complete": func(w *world, i int) func() answer {
			upload := w.begin("k")
			list := completion(w.part(upload, 1, []byte(whatWrites(i))))
			return func() answer { return w.do(w.root, "POST", upload, list, none...) }
		},
		"copy": func(w *world, i int) func() answer {
			source := fmt.Sprintf("/shared/source-%d", i)
			w.put(w.root, source, whatWrites(i)).is(w.t, 200, "")
			return func() answer { return w.put(w.root, "/shared/k", "", append(none, "x-amz-copy-source", source)...) }
		},
	}
	for name, of := range map[string][]string{"put": {"put"}, "complete": {"complete"}, "copy": {"copy"}, "all": {"put", "complete", "copy"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var ready [writers]func() answer
			for i := range writers {
				ready[i] = kinds[of[i%len(of)]](w, i)
			}
			var answers [writers]answer
			var start, done sync.WaitGroup
			start.Add(1)
			for i, write := range ready {
				done.Go(func() {
					start.Wait()
					answers[i] = write()
				})
			}
			start.Done()
			done.Wait()
			won := slices.IndexFunc(answers[:], func(a answer) bool { return a.Status == 200 })
			if won < 0 {
				t.Fatal("nobody won")
			}
			for i, a := range answers {
				if i != won {
					a.is(t, 412, "PreconditionFailed")
				}
			}
			if got := w.get(w.root, "/shared/k"); got.Body != whatWrites(won) {
				t.Errorf("writer %d won, but %.20q is there", won, got.Body)
			}
		})
	}
}

func whatWrites(writer int) string { return strings.Repeat(fmt.Sprintf("writer %d ", writer), 100) }
