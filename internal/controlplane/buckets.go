package controlplane

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Rate is how often something may be done: so many times a second for long, and so many
// at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// keptBuckets bounds the buckets of one kind, some 200 bytes each. What was used longest
// ago is forgotten, and is full again: whoever wants that has to call from, or with, as
// many others first.
const keptBuckets = 1 << 14

// buckets are token buckets by name.
type buckets struct {
	rate     Rate
	kept     *lru.Cache[string, *rate.Limiter]
	charging sync.Mutex
}

func newBuckets(r Rate) *buckets {
	kept, err := lru.New[string, *rate.Limiter](keptBuckets)
	if err != nil {
		panic("controlplane: " + err.Error()) // only a size below 1 is refused
	}
	return &buckets{rate: r, kept: kept}
}

func (b *buckets) of(name string) *rate.Limiter {
	if known, ok := b.kept.Get(name); ok {
		return known
	}
	fresh := rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)
	if earlier, ok, _ := b.kept.PeekOrAdd(name, fresh); ok {
		return earlier
	}
	return fresh
}

// take takes one from the bucket. When there is none it returns how long until there is,
// and leaves the bucket as it was.
func (b *buckets) take(name string) time.Duration {
	reserved := b.of(name).Reserve()
	wait := reserved.Delay()
	if wait > 0 {
		reserved.Cancel()
	}
	return wait
}

// charge takes one from the bucket, whether or not there is one: of many that were let in at
// the same moment, each has to be paid for. A name owes one burst at most.
func (b *buckets) charge(name string) {
	b.charging.Lock()
	defer b.charging.Unlock()
	if of := b.of(name); of.Tokens() > float64(1-b.rate.Burst) {
		of.Reserve()
	}
}

// empty returns how long until there is one in the bucket; 0 when there is.
func (b *buckets) empty(name string) time.Duration {
	missing := 1 - b.of(name).Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / b.rate.PerSecond * float64(time.Second))
}

// network returns what calls from an address are counted by: an IPv4 address, or the 64
// bits of an IPv6 address that one host is given whole (RFC 4291 §2.5.4).
func network(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := at.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
