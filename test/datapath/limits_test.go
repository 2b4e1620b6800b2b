package datapath

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strconv"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/test/rig"
)

// cas.limits.bytesPerSecondPerOrganization, over the wire: an organization at its limit
// slows itself down and nobody else. It has minutes of waiting before it when the other one
// moves all that it may at once: as much in bytes as the first one gets in a second.
func TestBandwidthOverTheWire(t *testing.T) {
	t.Parallel()
	const limit, backlog = 8 << 20, 2 << 30
	s := newSite(t, rig.Options{Reuse: rig.LongReuse, Limits: service.Limits{BytesPerSecondPerOrganization: limit}})
	for _, l := range s.lanes(t) {
		busy, other := s.Org(t), s.Org(t)
		_, d := rig.Content(1) // nobody gets to the end of it
		ctx, enough := context.WithCancel(t.Context())
		before, ended := s.moved(t), make(chan outcome, 1)
		go func() {
			ended <- l.put(t, cas.Grant{Org: busy, Role: cas.Uploader}, d, backlog, &while{ctx})
		}()
		rig.Eventually(t, "it has used up what it may move at once", func() bool { return s.moved(t)-before >= limit })
		quick, q := rig.Content(limit / 2)
		if o := l.put(t, cas.Grant{Org: other, Role: cas.Uploader}, q, limit/2, bytes.NewReader(quick)); o.failed {
			t.Errorf("%s: the other organization: %s", l, o)
		}
		if got, o := read(t, l, cas.Grant{Org: other, Role: cas.Downloader, Digest: q}, q, cas.Range{}); o.failed || !bytes.Equal(got, quick) {
			t.Errorf("%s: the other organization: %d bytes, %s", l, len(got), o)
		}
		select {
		case o := <-ended:
			t.Errorf("%s: %d bytes at %d a second went by as fast as a burst: %s", l, backlog, limit, o)
		default:
		}
		enough()
		if o := <-ended; !o.failed {
			t.Errorf("%s: a client that went away: %s", l, o)
		}
		s.quiet(t)
	}
}

// while is a body without an end that breaks when its context ends.
type while struct {
	ctx context.Context //nolint:containedctx // its life
}

func (w *while) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, errors.New("enough")
	}
	clear(p)
	return len(p), nil
}

var uploaded = regexp.MustCompile(`(?m)^managedcas_transfer_bytes_total\{kind="upload"\} (.*)$`)

// moved is how many bytes of uploads have come in.
func (s *site) moved(t *testing.T) float64 {
	t.Helper()
	match := uploaded.FindStringSubmatch(s.metrics())
	if match == nil {
		return 0
	}
	n, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cas.limits.memoryBytes, over the wire: above it, a transfer is told to try again and when,
// before it has sent anything that would be kept; below it, it is served.
func TestMemoryOverTheWire(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		bytes   int64
		refused bool
	}{{1, true}, {1 << 50, false}} {
		s := newSite(t, rig.Options{Reuse: rig.LongReuse, Limits: service.Limits{MemoryBytes: row.bytes}})
		s.Forget()
		content, d := rig.Content(1000)
		for _, l := range s.lanes(t) {
			put := l.put(t, s.uploader(), d, 1000, bytes.NewReader(content))
			_, get := read(t, l, s.downloader(d), d, cas.Range{})
			for what, o := range map[string]outcome{"upload": put, "download": get} {
				told := o.failed && o.kind == problem.Unavailable && o.hinted && o.reason == "SERVER_MEMORY"
				if told != row.refused || o.failed != row.refused {
					t.Errorf("%s, %s within %d bytes: %s, hint %t", l, what, row.bytes, o, o.hinted)
				}
			}
		}
		if calls := s.calls(); row.refused && len(calls) > 0 {
			t.Errorf("AWS was asked for %q", calls)
		}
	}
}
