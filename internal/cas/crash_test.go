package cas_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

// fuse is a network that dies at one S3 request, before or after it has its effect, and
// stays dead: what a process that is killed there has done to AWS, and what it has not.
type fuse struct {
	http.RoundTripper

	mu    sync.Mutex
	armed bool
	left  int
	after bool // the last request has its effect
	dead  bool
}

var errDead = errors.New("the process is dead")

func (f *fuse) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	if f.dead {
		f.mu.Unlock()
		return nil, errDead
	}
	last := f.armed && f.left == 0
	if f.armed {
		f.left--
	}
	f.dead = last
	f.mu.Unlock()
	if last && !f.after {
		return nil, errDead
	}
	response, err := f.RoundTripper.RoundTrip(r)
	if last && err == nil {
		_ = response.Body.Close()
		return nil, errDead
	}
	return response, err
}

// burn arms the fuse for the request after n others.
func (f *fuse) burn(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.left, f.after = true, n, after
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// crash stands a rig up whose store dies at request n.
func crash(t *testing.T) (*rig.Rig, *fuse, *clock, org.ID) {
	t.Helper()
	f, c := &fuse{}, &clock{now: time.Now()}
	options := small()
	options.Now, options.Reuse = c.read, 30*time.Minute
	options.Wire = func(next http.RoundTripper) http.RoundTripper { f.RoundTripper = next; return f }
	r := rig.New(t, options)
	id := r.Org(t)
	// The session is there: what is counted is the upload's.
	if _, err := r.Store.Exists(t.Context(), cas.Ref{Org: id, Digest: digestOf("x")}); err != nil {
		t.Fatal(err)
	}
	return r, f, c, id
}

// stages are the requests of an upload of two parts: look, begin, two parts, complete.
const stages = 5

// W16: a process that is killed at any stage of an upload in parts leaves nothing that is
// visible before everything was verified, and nothing that another process does not
// sweep; and the next upload succeeds.
func TestW16_KilledUploadsAreSwept(t *testing.T) {
	t.Parallel()
	for stage := range stages {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(stage, after), func(t *testing.T) {
				t.Parallel()
				r, f, c, id := crash(t)
				content, d := rig.Content(part + 1000)
				ref := cas.Ref{Org: id, Digest: d}
				f.burn(stage, after)
				if _, err := r.Store.Put(t.Context(), ref, cas.UnknownLength, bytes.NewReader(content), cas.Label{}); err == nil {
					t.Fatal("the upload survived")
				}
				other := r.Another(t)
				completed := stage == stages-1 && after
				if exists, err := other.Exists(t.Context(), ref); exists != completed || err != nil {
					t.Errorf("exists %t, %v", exists, err)
				}
				c.pass(5*time.Minute - time.Second)
				sweepBoth(t, r, other)
				// An upload that was begun, and whose id got lost on its way, has no parts; S3's
				// lifecycle rule ends it.
				lost := 0
				if stage == 1 && after {
					lost = 1
				}
				recorded := stage > 1
				if n := len(r.Uploads(t)); (n > lost) != (recorded && !completed) {
					t.Errorf("before the time: %d uploads", n)
				}
				c.pass(time.Second)
				sweepBoth(t, r, other)
				if n := len(r.Uploads(t)); n != lost {
					t.Errorf("after the sweep: %d uploads", n)
				}
				if n, err := r.DB.CountUploads(t.Context()); n != 0 || err != nil {
					t.Errorf("after the sweep: %d records, %v", n, err)
				}
				if _, err := other.Put(t.Context(), ref, cas.UnknownLength, bytes.NewReader(content), cas.Label{}); err != nil {
					t.Error(err)
				}
				if got := read(t, other, ref); !bytes.Equal(got, content) {
					t.Error("other content came back")
				}
			})
		}
	}
}

// sweepBoth sweeps with two processes at once.
func sweepBoth(t *testing.T, r *rig.Rig, store *cas.Store) {
	t.Helper()
	second := r.Another(t)
	var both sync.WaitGroup
	for _, s := range []*cas.Store{store, second} {
		both.Go(func() {
			if err := s.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}

// The same with an upload that can be resumed: another process goes on with it, and no
// part that was committed is sent twice.
func TestKilledUploadsResume(t *testing.T) {
	t.Parallel()
	for stage := range stages {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(stage, after), func(t *testing.T) {
				t.Parallel()
				r, f, _, id := crash(t)
				content, d := rig.Content(part + 1000)
				ref, name := cas.Ref{Org: id, Digest: d}, uuid.New()
				f.burn(stage, after)
				_, err := r.Store.BeginUpload(t.Context(), ref, name, int64(len(content)), cas.Label{FileName: "a b.txt"})
				if (err == nil) != (stage > 1) {
					t.Fatalf("begin: %v", err)
				}
				committed := int64(0)
				if err == nil {
					if _, err := r.Store.Append(t.Context(), ref, name, cas.Append{
						Body: bytes.NewReader(content), Last: true, Length: cas.UnknownLength, Total: cas.UnknownLength,
					}); err == nil {
						t.Fatal("the upload survived")
					}
				}
				other := r.Another(t)
				r.Forget()
				state, err := other.BeginUpload(t.Context(), ref, name, int64(len(content)), cas.Label{FileName: "a b.txt"})
				if err != nil {
					t.Fatal(err)
				}
				if state.Complete != (stage == stages-1 && after) {
					t.Errorf("%+v", state)
				}
				committed = state.Offset
				r.Forget()
				if !state.Complete {
					finish(t, other, ref, name, content)
				}
				want := map[int64]int{0: 2, part: 1, part + 1000: 0}[committed]
				if sent := partsSent(r); sent != want {
					t.Errorf("%d bytes were committed, %d parts were sent, want %d", committed, sent, want)
				}
				if got := read(t, other, ref); !bytes.Equal(got, content) {
					t.Error("other content came back")
				}
			})
		}
	}
}

// A sweeper that cannot abort keeps the record and tries again; of an organization that
// is gone it drops it.
func TestSweepsThatFail(t *testing.T) {
	t.Parallel()
	r, _, c, id := crash(t)
	begin(t, r.Store, cas.Ref{Org: id, Digest: digestOf("y")}, 1)
	r.Break(t, id)
	c.pass(25 * time.Hour)
	other := r.Another(t)
	if err := other.Sweep(t.Context()); err == nil {
		t.Error("it was swept without being allowed to")
	}
	if err := other.Sweep(t.Context()); err != nil {
		t.Errorf("tried again at once: %v", err)
	}
	if stats := other.UploadStats(); stats.Failures != 1 || stats.Swept != 0 || stats.Open != 1 {
		t.Errorf("%+v", stats)
	}
	r.Reconcile(t, id)
	c.pass(5 * time.Minute)
	if err := r.Another(t).Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}

	// Another organization goes away altogether.
	gone := r.Org(t)
	begin(t, r.Store, cas.Ref{Org: gone, Digest: digestOf("y")}, 1)
	if _, err := r.DB.SetOrganizationState(t.Context(), gone, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	r.Reconcile(t, gone)
	c.pass(25 * time.Hour)
	other = r.Another(t)
	if err := other.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if stats := other.UploadStats(); stats.Swept != 1 || stats.Open != 0 {
		t.Errorf("of an organization that is gone: %+v", stats)
	}
	if n := len(r.Uploads(t)); n != 1 {
		t.Errorf("%d uploads are left to the lifecycle rule", n)
	}
}
