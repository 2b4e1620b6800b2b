// Package bench compares the object store of the embedded AWS with a plain file
// server on net/http: same bytes, same SDK client, same machine, and in turns, so that
// whatever else the machine does happens to both. "ratio" is the plain server's median
// time by ours: 1 is as fast. Run
//
//	go test -run '^$' -bench . -benchtime 9x ./test/bench
//
// for medians of nine rounds.
package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

func BenchmarkPut4KiB(b *testing.B) { benchmarkPut(b, 4*kib, 64) }
func BenchmarkPut1MiB(b *testing.B) { benchmarkPut(b, mib, 32) }

func benchmarkPut(b *testing.B, size, count int) {
	body := newPayload(size)
	encrypted(b, func(b *testing.B, encryption string) { comparePut(b, encryption, body, count) })
}

func comparePut(b *testing.B, encryption string, body payload, count int) {
	compare(b, encryption, count, func(*testing.B, *client) work {
		return func(ctx context.Context, c *client, i int64) error { return c.put(ctx, fmt.Sprint("put", i), body) }
	})
}

func BenchmarkGet64MiB(b *testing.B) {
	body := newPayload(64 * mib)
	compare(b, withKMS, 1, func(b *testing.B, c *client) work {
		if err := c.put(b.Context(), "get", body); err != nil {
			b.Fatal(err)
		}
		return func(ctx context.Context, c *client, _ int64) error {
			out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("get")})
			if err != nil {
				return err
			}
			defer out.Body.Close()
			n, err := io.Copy(io.Discard, out.Body)
			if err == nil && n != int64(len(body.content)) {
				err = fmt.Errorf("got %d bytes", n)
			}
			return err
		}
	})
}

// BenchmarkMultipart1GiB uploads sixteen parts of 64 MiB.
func BenchmarkMultipart1GiB(b *testing.B) {
	const parts = 16
	body := newPayload(64 * mib)
	encrypted(b, func(b *testing.B, encryption string) {
		for _, clients := range []int{1, parts} {
			b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
				rounds(b, encryption, func(c *client, i int64) error {
					return c.multipart(b.Context(), fmt.Sprint("multi", i%2), body, parts, clients)
				})
			})
		}
	})
}

// work is what one of the concurrent clients does; i is another number each time.
type work func(ctx context.Context, c *client, i int64) error

// compare measures count pieces of work, or one for each client if those are more, in
// a row and by 16 clients at once.
func compare(b *testing.B, encryption string, count int, prepare func(*testing.B, *client) work) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			ready := map[*client]work{}
			rounds(b, encryption, func(c *client, round int64) error {
				if ready[c] == nil {
					ready[c] = prepare(b, c)
				}
				total := int64(max(count, clients))
				return each(clients, total, func(i int64) error { return ready[c](b.Context(), c, round*total+i) })
			})
		})
	}
}

// rounds has both servers do the same by turns and reports the medians.
func rounds(b *testing.B, encryption string, do func(c *client, round int64) error) {
	ours, theirs := newClient(b, serveEmbedded(b, encryption)), newClient(b, servePlain(b))
	var ourTimes, theirTimes []time.Duration
	timed := func(c *client, round int64) time.Duration {
		begin := time.Now()
		if err := do(c, round); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	timed(ours, 0) // connections, caches, preparations
	timed(theirs, 0)
	for round := int64(1); b.Loop(); round++ {
		ourTimes = append(ourTimes, timed(ours, round))
		theirTimes = append(theirTimes, timed(theirs, round))
	}
	o, t := median(ourTimes), median(theirTimes)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(o)/1e6, "ours-ms")
	b.ReportMetric(float64(t)/1e6, "plain-ms")
	b.ReportMetric(float64(t)/float64(o), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// each calls do with 0 to total-1, by workers at once.
func each(workers int, total int64, do func(int64) error) error {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		once  sync.Once
		first error
	)
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < total; i = next.Add(1) - 1 {
				if err := do(i); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	group.Wait()
	return first
}

// payload is content with its SHA-256, which the product knows of every artifact too.
type payload struct {
	content []byte
	sum     string
}

func newPayload(size int) payload {
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	sum := sha256.Sum256(content)
	return payload{content, base64.StdEncoding.EncodeToString(sum[:])}
}

func (c *client) put(ctx context.Context, key string, p payload) error {
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(p.content), ChecksumSHA256: &p.sum,
	})
	return err
}

func (c *client) multipart(ctx context.Context, key string, p payload, parts, workers int) error {
	began, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		return err
	}
	completed := make([]types.CompletedPart, parts)
	if err := each(workers, int64(parts), func(i int64) error {
		number := aws.Int32(int32(i + 1))
		got, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: aws.String(bucket), Key: &key, UploadId: began.UploadId, PartNumber: number,
			Body: bytes.NewReader(p.content), ChecksumSHA256: &p.sum,
		})
		if err == nil {
			completed[i] = types.CompletedPart{PartNumber: number, ETag: got.ETag, ChecksumSHA256: &p.sum}
		}
		return err
	}); err != nil {
		return err
	}
	_, err = c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: &key, UploadId: began.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	})
	return err
}
