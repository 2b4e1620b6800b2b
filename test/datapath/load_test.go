package datapath

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// Everything at once: 64 clients of 8 organizations, over both protocols, upload what is
// new and what is there, large and empty, download it whole and in part, come with a token
// of another organization or for another artifact, and go away in the middle. Every byte
// that comes is held against what the organization has stored; nothing of it is left over.
func TestMixedLoad(t *testing.T) { //nolint:paralleltest // it looks at the process
	const clients, organizations = 64, 8
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	models := make([]*model, organizations)
	for i := range models {
		models[i] = &model{org: s.Org(t), content: map[digest.Digest][]byte{}}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	lanes := s.lanes(t)
	ctx, over := context.WithTimeout(t.Context(), loadTime)
	defer over()
	var all sync.WaitGroup
	var done counts
	for i := range clients {
		c := &client{s, lanes[i%2], models[i/2%organizations], models[(i/2+1)%organizations], rand.New(rand.NewPCG(seed, uint64(i))), &done}
		all.Go(func() {
			for (ctx.Err() == nil || done.least() == 0) && !t.Failed() {
				c.step(t)
			}
		})
	}
	all.Wait()
	t.Log(done.String())
	s.quiet(t)
	s.noParts(t, "at the end")
	for _, m := range models {
		for d, content := range m.content {
			s.org = m.org
			if rand.IntN(10) == 0 {
				s.holds(t, "at the end", lanes[0], d, content)
			}
		}
	}
	rig.Eventually(t, "no goroutine is in a transfer", func() bool { return !transferring.Match(stacks()) })
}

// transferring is a goroutine in what a transfer runs through.
var transferring = regexp.MustCompile(`managedcas/internal/(cas|casgate|casgrpc|cashttp|admission|digest|awscloud)[./]`)

func stacks() []byte {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a buffer takes everything
	return b.Bytes()
}

// model is what one organization has stored: what nobody else may see.
type model struct {
	org org.ID

	mu      sync.Mutex
	content map[digest.Digest][]byte
	order   []digest.Digest
}

func (m *model) add(d digest.Digest, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.content[d]; !known {
		m.order = append(m.order, d)
	}
	m.content[d] = content
	if len(m.order) > remembered {
		delete(m.content, m.order[0])
		m.order = m.order[1:]
	}
}

// remembered is how many artifacts a model keeps: they are in memory.
const remembered = 50

func (m *model) any(random *rand.Rand) (digest.Digest, []byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.order) == 0 {
		return digest.Digest{}, nil, false
	}
	d := m.order[random.IntN(len(m.order))]
	return d, m.content[d], true
}

// counts are the steps by kind.
type counts [7]atomic.Int64

func (c *counts) String() string {
	text := ""
	for i := range c {
		text += fmt.Sprintf("%s %d, ", steps[i].name, c[i].Load())
	}
	return text[:len(text)-2]
}

func (c *counts) least() int64 {
	least := c[0].Load()
	for i := range c {
		least = min(least, c[i].Load())
	}
	return least
}

// client is one of an organization; the other one's artifacts are nothing to it.
type client struct {
	*site
	lane
	own, other *model
	rand       *rand.Rand
	done       *counts
}

var steps = [...]struct {
	name   string
	weight int
	do     func(*client, *testing.T)
}{
	{"uploads", 30, (*client).upload},
	{"duplicates", 10, (*client).duplicate},
	{"downloads", 30, (*client).download},
	{"ranges", 12, (*client).part},
	{"wrong content", 6, (*client).lie},
	{"cuts", 6, (*client).cut},
	{"strangers", 6, (*client).stray},
}

func (c *client) step(t *testing.T) {
	at := c.rand.IntN(100)
	for i, s := range steps {
		if at -= s.weight; at < 0 {
			s.do(c, t)
			c.done[i].Add(1)
			return
		}
	}
}

// size is mostly small, sometimes a few MiB, seldom 20.
func (c *client) size() int {
	switch n := c.rand.IntN(1000); {
	case n < 20:
		return 0
	case n < 900:
		return c.rand.IntN(64 << 10)
	case n < 997:
		return c.rand.IntN(4 << 20)
	}
	return 20<<20 + c.rand.IntN(1000)
}

func (c *client) grant(role cas.Role, d digest.Digest) cas.Grant {
	return cas.Grant{Org: c.own.org, Role: role, Digest: d}
}

func (c *client) length(content []byte) int64 {
	if c.rand.IntN(2) == 0 {
		return cas.UnknownLength
	}
	return int64(len(content))
}

// ended checks a transfer that nothing is wrong with. Being told to wait is right, too.
func (c *client) ended(t *testing.T, what string, o outcome) bool {
	if busy := o.kind == problem.Unavailable && o.hinted; o.failed && !busy {
		t.Errorf("%s, %s: %s", c.lane, what, o)
	}
	return !o.failed
}

func (c *client) upload(t *testing.T) {
	content, d := rig.Content(c.size())
	if c.ended(t, "upload", c.put(t, c.grant(cas.Uploader, d), d, c.length(content), bytes.NewReader(content))) {
		c.own.add(d, content)
	}
}

func (c *client) duplicate(t *testing.T) {
	if d, content, ok := c.own.any(c.rand); ok {
		c.ended(t, "duplicate", c.put(t, c.grant(cas.Uploader, d), d, c.length(content), bytes.NewReader(content)))
	}
}

func (c *client) download(t *testing.T) {
	if d, content, ok := c.own.any(c.rand); ok {
		got, o := read(t, c.lane, c.grant(cas.Downloader, d), d, cas.Range{})
		if c.ended(t, "download", o) && !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes came, not the %d of the organization", c.lane, len(got), len(content))
		}
	}
}

func (c *client) part(t *testing.T) {
	d, content, ok := c.own.any(c.rand)
	if !ok || len(content) < 2 {
		return
	}
	want := cas.Range{Offset: int64(c.rand.IntN(len(content)-1)) + 1}
	want.Length = int64(c.rand.IntN(len(content)-int(want.Offset))) + 1
	got, o := read(t, c.lane, c.grant(cas.Downloader, d), d, want)
	if c.ended(t, "range", o) && !bytes.Equal(got, content[want.Offset:][:want.Length]) {
		t.Errorf("%s: %+v: %d bytes came, not the organization's", c.lane, want, len(got))
	}
}

// unlike is how many random bytes are nobody else's: of one byte the wrong one is the right
// one now and then, or is there already.
const unlike = 16

func (c *client) lie(t *testing.T) {
	content, d := rig.Content(c.size() + unlike)
	lie, _ := rig.Content(len(content))
	if o := c.put(t, c.grant(cas.Uploader, d), d, c.length(lie), bytes.NewReader(lie)); !o.failed || !o.lost && o.kind != problem.Invalid && o.kind != problem.Unavailable {
		t.Errorf("%s, wrong content: %s", c.lane, o)
	}
}

func (c *client) cut(t *testing.T) {
	content, d := rig.Content(c.size() + unlike)
	sent := c.rand.IntN(len(content) - 1)
	body := io.MultiReader(bytes.NewReader(content[:sent]), failing{errGone})
	if o := c.put(t, c.grant(cas.Uploader, d), d, c.length(content), body); !o.failed {
		t.Errorf("%s, cut after %d of %d: %s", c.lane, sent, len(content), o)
	}
	if d, content, ok := c.own.any(c.rand); ok {
		at, n := c.rand.IntN(len(content)+1), 0
		_ = c.get(t, c.grant(cas.Downloader, d), d, cas.Range{}, func(piece []byte) error {
			if n += len(piece); n > at {
				return errGone
			}
			return nil
		})
	}
}

// stray asks for another organization's artifact, and with a token for another one.
func (c *client) stray(t *testing.T) {
	d, content, ok := c.other.any(c.rand)
	if !ok || len(content) < unlike { // which its own organization may have stored, or be storing
		return
	}
	got, o := read(t, c.lane, c.grant(cas.Downloader, d), d, cas.Range{})
	if !o.failed || len(got) > 0 || o.kind != problem.NotFound && o.kind != problem.Unavailable {
		t.Errorf("%s: another organization's artifact: %d bytes, %s", c.lane, len(got), o)
	}
	_, unbound := rig.Content(1)
	if _, o := read(t, c.lane, c.grant(cas.Downloader, unbound), d, cas.Range{}); o.kind != problem.Denied && o.kind != problem.Unavailable {
		t.Errorf("%s: a token for another artifact: %s", c.lane, o)
	}
}
