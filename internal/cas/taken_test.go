package cas_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// A writer that has been taken over by another process ends nothing, whatever it finds
// wrong: the upload is no longer its own.
func TestWhoIsTakenOverEndsNothing(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	other := r.Another(t)
	content, d := rig.Content(3 * part)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	send(t, r.Store, ref, name, 0, content[:part])
	waiting, goOn := make(chan struct{}), make(chan struct{})
	var older error
	var done sync.WaitGroup
	done.Go(func() {
		// Its body ends too early, which ends an upload.
		body := &meeting{wait: func() { close(waiting); <-goOn }}
		_, older = r.Store.Append(t.Context(), ref, name, cas.Append{Offset: part, Body: body, Last: true, Length: cas.UnknownLength, Total: cas.UnknownLength})
	})
	<-waiting
	send(t, other, ref, name, part, content[part:2*part])
	close(goOn)
	done.Wait()
	if !errors.Is(older, cas.ErrTaken) {
		t.Errorf("the older writer: %v", older)
	}
	finish(t, other, ref, name, content)
}

// Who takes over does not wait for a client that has fallen silent within a streamed part;
// and who gives up waiting is heard.
func TestTakeOverFromASilentClient(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	r.Store.HoldAtMost(part - 1)
	content, d := rig.Content(2*part + 10)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	waiting, silent := make(chan struct{}), make(chan struct{})
	var older error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		body := io.MultiReader(bytes.NewReader(content[:part/2]), &meeting{wait: func() { close(waiting); <-silent }})
		_, older = r.Store.Append(t.Context(), ref, name, cas.Append{Body: body, Last: true, Length: cas.UnknownLength, Total: cas.UnknownLength})
	}()
	<-waiting
	finish(t, r.Store, ref, name, content)
	<-ended
	close(silent)
	if !errors.Is(older, cas.ErrTaken) {
		t.Errorf("the older writer: %v", older)
	}
}
