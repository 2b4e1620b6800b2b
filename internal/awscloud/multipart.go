package awscloud

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"

	"github.com/managedcas/managedcas/internal/cas"
)

// unsigned leaves a payload out of its request's signature, as the SDK does over TLS by
// itself: its checksum, which is signed, guards it, and hashing it once more would be
// the most expensive thing that happens to it.
const unsigned = "UNSIGNED-PAYLOAD"

// Begin implements cas.Uploads. S3 has no sha256 of a whole multipart object (facts AWS
// §7.1); the CRC64NVME of the whole guards the way there.
func (o *Objects) Begin(ctx context.Context, key string, label cas.Label) (string, error) {
	out, err := o.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket:            aws.String(o.accessPoint),
		Key:               aws.String(key),
		ContentType:       aws.String(contentType),
		Metadata:          metadata(label),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		ChecksumType:      types.ChecksumTypeFullObject,
	})
	if err != nil {
		return "", failedObject(err, "starting the upload of %q", key)
	}
	return aws.ToString(out.UploadId), nil
}

// SendPart implements cas.Uploads.
func (o *Objects) SendPart(ctx context.Context, key, id string, p cas.Part) (cas.SentPart, error) {
	sum := crc64nvme.New()
	if _, err := io.Copy(sum, p.Body); err != nil {
		return cas.SentPart{}, err
	}
	if _, err := p.Body.Seek(0, io.SeekStart); err != nil {
		return cas.SentPart{}, err
	}
	var out *s3.UploadPartOutput
	err := sending(ctx, o.stall, p.Body, p.Size, func(ctx context.Context, body io.Reader) (err error) {
		out, err = o.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket:            aws.String(o.accessPoint),
			Key:               aws.String(key),
			UploadId:          aws.String(id),
			PartNumber:        aws.Int32(int32(p.Number)),
			ContentLength:     aws.Int64(p.Size),
			Body:              body,
			ChecksumCRC64NVME: aws.String(encodeCRC(sum.Sum64())),
		}, signPayload(unsigned))
		return err
	})
	if err != nil {
		return cas.SentPart{}, failedObject(err, "sending part %d of %q", p.Number, key)
	}
	return cas.SentPart{Number: p.Number, Size: p.Size, ETag: aws.ToString(out.ETag), CRC: sum.Sum64()}, nil
}

// Complete implements cas.Uploads. S3 may answer 200 and then an error; the SDK looks
// for it (facts AWS §7.3).
func (o *Objects) Complete(ctx context.Context, key, id string, parts []cas.SentPart) error {
	completed := make([]types.CompletedPart, len(parts))
	var crc uint64
	var size int64
	for i, p := range parts {
		completed[i] = types.CompletedPart{
			PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.ETag), ChecksumCRC64NVME: aws.String(encodeCRC(p.CRC)),
		}
		crc = joinCRC(crc, p.CRC, p.Size)
		size += p.Size
	}
	_, err := o.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket:            aws.String(o.accessPoint),
		Key:               aws.String(key),
		UploadId:          aws.String(id),
		MultipartUpload:   &types.CompletedMultipartUpload{Parts: completed},
		ChecksumCRC64NVME: aws.String(encodeCRC(crc)),
		ChecksumType:      types.ChecksumTypeFullObject,
		MpuObjectSize:     aws.Int64(size),
		IfNoneMatch:       aws.String("*"),
	})
	return failedObject(err, "completing the upload of %q", key)
}

// Abort implements cas.Uploads.
func (o *Objects) Abort(ctx context.Context, key, id string) error {
	_, err := o.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(o.accessPoint), Key: aws.String(key), UploadId: aws.String(id),
	})
	return failedObject(err, "aborting the upload of %q", key)
}
