package awscloud

import (
	"bytes"
	"context"
	"fmt"
	"hash"
	"io"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/minio/crc64nvme"

	"github.com/managedcas/managedcas/internal/cas"
)

// unsignedTrailer: the payload is not signed, and its checksum comes behind it.
const unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

// checksumTrailer names the checksum.
const checksumTrailer = "x-amz-checksum-crc64nvme"

// StreamPart implements cas.Uploads. The SDK itself sends a trailing checksum only over
// TLS; here one way serves both, so that what the embedded AWS proves is what AWS gets.
func (o *Objects) StreamPart(ctx context.Context, key, id string, number int, size int64, body io.Reader) (cas.SentPart, error) {
	framed := frame(body, size)
	var out *s3.UploadPartOutput
	err := sending(ctx, o.stall, framed, framed.length, func(ctx context.Context, body io.Reader) (err error) {
		out, err = o.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket:        aws.String(o.accessPoint),
			Key:           aws.String(key),
			UploadId:      aws.String(id),
			PartNumber:    aws.Int32(int32(number)),
			ContentLength: aws.Int64(framed.length),
			Body:          body,
		}, signPayload(unsignedTrailer), onceUnlessSeekable(body), askFirst, chunked(size))
		return err
	})
	if err != nil {
		return cas.SentPart{}, failedObject(err, "sending part %d of %q", number, key)
	}
	return cas.SentPart{Number: number, Size: size, ETag: aws.ToString(out.ETag), CRC: framed.sum.Sum64()}, nil
}

// chunked describes a payload of size bytes that is framed.
func chunked(size int64) func(*s3.Options) {
	return func(s *s3.Options) {
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		for header, value := range map[string]string{
			"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": strconv.FormatInt(size, 10), "X-Amz-Trailer": checksumTrailer,
		} {
			s.APIOptions = append(s.APIOptions, smithyhttp.SetHeaderValue(header, value))
		}
	}
}

// framedBody is a payload as aws-chunked has it: one chunk, an empty one, the checksum.
type framedBody struct {
	io.Reader
	length int64
	sum    hash.Hash64
}

func frame(body io.Reader, size int64) framedBody {
	sum := crc64nvme.New()
	head, tail := fmt.Sprintf("%x\r\n", size), "\r\n0\r\n"+checksumTrailer+":"
	trailer := &late{text: func() string { return tail + encodeCRC(sum.Sum64()) + "\r\n\r\n" }}
	return framedBody{
		Reader: io.MultiReader(bytes.NewReader([]byte(head)), io.TeeReader(body, sum), trailer),
		length: int64(len(head)) + size + int64(len(tail)+len(encodeCRC(0))+len("\r\n\r\n")),
		sum:    sum,
	}
}

// late is a text that is known when it is read.
type late struct {
	text func() string
	rest io.Reader
}

func (l *late) Read(p []byte) (int, error) {
	if l.rest == nil {
		l.rest = bytes.NewReader([]byte(l.text()))
	}
	return l.rest.Read(p)
}
