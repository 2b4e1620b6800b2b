package awscloud

import (
	"bytes"
	"context"
	"encoding/base64"
	"hash"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"

	"github.com/managedcas/managedcas/internal/cas"
)

// upload is one multipart upload. Its parts are sent in order, one at a time.
type upload struct {
	objects *Objects
	key     string
	id      string
	parts   []types.CompletedPart
	size    int64
	crc     hash.Hash64 // of all parts so far
}

// Multipart implements cas.Objects. S3 has no sha256 of a whole multipart object
// (facts AWS §7.1); the CRC64NVME of the whole guards the way there.
func (o *Objects) Multipart(ctx context.Context, key string, name cas.FileName) (cas.Multipart, error) {
	out, err := o.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket:            aws.String(o.accessPoint),
		Key:               aws.String(key),
		ContentType:       aws.String(contentType),
		Metadata:          metadata(name),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		ChecksumType:      types.ChecksumTypeFullObject,
	})
	if err != nil {
		return nil, failedObject(err, "starting the upload of %q", key)
	}
	return &upload{objects: o, key: key, id: aws.ToString(out.UploadId), crc: crc64nvme.New()}, nil
}

// Part implements cas.Multipart.
func (u *upload) Part(ctx context.Context, number int, body []byte) error {
	sum := crc64nvme.New()
	_, _ = sum.Write(body) // a hash never fails
	checksum := encode(sum)
	out, err := u.objects.s3.UploadPart(ctx, &s3.UploadPartInput{
		Bucket:            aws.String(u.objects.accessPoint),
		Key:               aws.String(u.key),
		UploadId:          aws.String(u.id),
		PartNumber:        aws.Int32(int32(number)),
		Body:              bytes.NewReader(body),
		ContentLength:     aws.Int64(int64(len(body))),
		ChecksumCRC64NVME: aws.String(checksum),
	})
	if err != nil {
		return failedObject(err, "sending part %d of %q", number, u.key)
	}
	_, _ = u.crc.Write(body)
	u.size += int64(len(body))
	u.parts = append(u.parts, types.CompletedPart{
		PartNumber: aws.Int32(int32(number)), ETag: out.ETag, ChecksumCRC64NVME: aws.String(checksum),
	})
	return nil
}

// Complete implements cas.Multipart. S3 may answer 200 and then an error; the SDK
// looks for it (facts AWS §7.3).
func (u *upload) Complete(ctx context.Context) error {
	_, err := u.objects.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket:            aws.String(u.objects.accessPoint),
		Key:               aws.String(u.key),
		UploadId:          aws.String(u.id),
		MultipartUpload:   &types.CompletedMultipartUpload{Parts: u.parts},
		ChecksumCRC64NVME: aws.String(encode(u.crc)),
		ChecksumType:      types.ChecksumTypeFullObject,
		MpuObjectSize:     aws.Int64(u.size),
		IfNoneMatch:       aws.String("*"),
	})
	return failedObject(err, "completing the upload of %q", u.key)
}

// Abort implements cas.Multipart.
func (u *upload) Abort(ctx context.Context) error {
	_, err := u.objects.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(u.objects.accessPoint), Key: aws.String(u.key), UploadId: aws.String(u.id),
	})
	return failedObject(err, "aborting the upload of %q", u.key)
}

func encode(sum hash.Hash64) string { return base64.StdEncoding.EncodeToString(sum.Sum(nil)) }
