// Package durability kills the embedded AWS under load, again and again, and looks
// whether it kept its word: what was acknowledged is there, bit by bit; nothing is
// visible in part; nothing that nobody can reach takes up space.
//
// A killed process loses no page that the kernel already has, so these tests see the
// order of steps and what recovery makes of it, not a forgotten fsync.
package durability

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestKill(t *testing.T) {
	t.Parallel()
	const writers = 6
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir, l := t.TempDir(), newLedger()

	d := start(t, dir)
	if _, err := d.s3(t).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String(bucket), CreateBucketConfiguration: inRegion(d),
	}); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		client := d.s3(t)
		var running sync.WaitGroup
		for i := range writers {
			w := &writer{s3: client, name: fmt.Sprint(i), ledger: l, rand: rand.New(rand.NewPCG(seed, random.Uint64()))}
			running.Go(func() { _ = w.run(t.Context()) }) // it ends when the daemon does
		}
		if round == 0 {
			l.await(t) // of a busy machine every kill might come before the first answer
		}
		after := time.Duration(random.IntN(600)) * time.Millisecond
		<-time.After(after) // not a wait for something: the moment of the kill
		d.Kill()
		running.Wait()

		d = start(t, dir)
		check(t, d.s3(t), dir, l)
		t.Logf("round %d: killed after %v, %d keys acknowledged so far", round, after, len(l.acked))
		if t.Failed() {
			return
		}
	}
}
