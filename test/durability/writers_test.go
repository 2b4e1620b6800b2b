package durability

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// writer puts objects under keys of its own, old and new ones, until a request fails:
// the daemon is dead then. It returns that error.
type writer struct {
	s3     *s3.Client
	name   string
	ledger *ledger
	rand   *rand.Rand
}

func (w *writer) run(ctx context.Context) error {
	for {
		kind := [...]string{small, small, small, large, multi}[w.rand.IntN(5)]
		key := fmt.Sprintf("%s/%s/%d", kind, w.name, w.rand.IntN(8))
		generation := w.ledger.try(key)
		put := w.put
		if kind == multi {
			put = w.upload
		}
		if err := put(ctx, key, generation); err != nil {
			return err
		}
		w.ledger.ack(key, generation)
	}
}

func (w *writer) put(ctx context.Context, key string, generation int) error {
	_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(content(key, generation)),
	})
	return err
}

func (w *writer) upload(ctx context.Context, key string, generation int) error {
	began, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		return err
	}
	id := *began.UploadId
	w.ledger.note(id, func(a *attempt) { a.key, a.generation = key, generation })
	whole := content(key, generation)
	var parts []types.CompletedPart
	for i, part := range [][]byte{whole[:partSize], whole[partSize:]} {
		number := aws.Int32(int32(i + 1))
		got, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: aws.String(bucket), Key: &key, UploadId: &id, PartNumber: number, Body: bytes.NewReader(part),
		})
		if err != nil {
			return err
		}
		w.ledger.note(id, func(a *attempt) { a.parts++ })
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: got.ETag, ChecksumCRC32: got.ChecksumCRC32})
	}
	w.ledger.note(id, func(a *attempt) { a.completing = true })
	if err := complete(ctx, w.s3, key, id, parts); err != nil {
		return err
	}
	w.ledger.note(id, func(a *attempt) { a.done = true })
	return nil
}

func complete(ctx context.Context, client *s3.Client, key, id string, parts []types.CompletedPart) error {
	_, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: &key, UploadId: &id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}
