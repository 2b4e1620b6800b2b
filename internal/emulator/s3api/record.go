package s3api

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/blob"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// piece is one blob of an object's content.
type piece struct {
	Blob blob.ID
	Size int64
}

// pieces are an object's content in order: one blob, or one per part of the
// multipart upload that made it.
type pieces []piece

func (p pieces) blobs() []blob.ID {
	ids := make([]blob.ID, len(p))
	for i := range p {
		ids[i] = p[i].Blob
	}
	return ids
}

// description is what a client says of an object when it begins to write it.
type description struct {
	Headers    map[string]string `json:",omitempty"` // Content-Type, Cache-Control, …
	Metadata   map[string]string `json:",omitempty"` // x-amz-meta-*, without the prefix
	Tags       map[string]string `json:",omitempty"`
	Encryption sealing
}

// object is the record that makes an object visible. Its blobs are written before,
// and removed after.
type object struct {
	description
	version
	Size      int64
	ETag      string // without quotes
	Modified  time.Time
	Checksum  checksum
	Multipart bool
	Pieces    pieces
	// PartSums are the checksums of the parts, if the client chose the algorithm.
	PartSums []string `json:",omitempty"`
}

// upload is a multipart upload that is not complete.
type upload struct {
	description
	Begun time.Time
	// Algorithm and Type are those of the object's checksum; Asked says that the client
	// chose them, and then every part must come with one.
	Algorithm string
	Type      string
	Asked     bool
}

// part is a part of an upload.
type part struct {
	Piece    piece
	ETag     string
	Modified time.Time
	Checksum checksum
	// Claimed is the checksum that the client gave with the part, if it is another one.
	Claimed checksum
}

// The tables. Objects are keyed by bucket and key, older versions and delete markers
// by bucket, key and order, uploads by bucket, key and upload id, parts by upload id
// and part number, so that each listing is one scan.
const (
	objects state.Table[object] = "s3/objects"
	history state.Table[object] = "s3/object-history"
	uploads state.Table[upload] = "s3/uploads"
	parts   state.Table[part]   = "s3/parts"
)

// objectKey separates with a byte that no bucket name has, so that a key may hold
// any bytes.
func objectKey(bucket, key string) string { return bucket + "\x00" + key }

// historyKey ends the key with a mark that sorts before every byte that could follow
// in a longer key: a zero byte inside of a key is escaped.
func historyKey(bucket, key, order string) string {
	return objectKey(bucket, strings.ReplaceAll(key, "\x00", "\x00\xff")) + "\x00\x01" + order
}

func keyInHistory(at, bucket string) string {
	rest := strings.TrimPrefix(at, objectKey(bucket, ""))
	return strings.ReplaceAll(rest[:strings.LastIndex(rest, "\x00\x01")], "\x00\xff", "\x00")
}

// uploadKey puts the id behind the key's end. A key may hold a zero byte itself: the
// id's length is fixed, so the last zero byte is the separator.
func uploadKey(bucket, key, id string) string { return objectKey(bucket, key) + "\x00" + id }

func splitUploadKey(at, bucket string) (key, id string) {
	rest := strings.TrimPrefix(at, objectKey(bucket, ""))
	cut := strings.LastIndexByte(rest, 0)
	return rest[:cut], rest[cut+1:]
}

func partKey(uploadID string, number int) string { return fmt.Sprintf("%s\x00%05d", uploadID, number) }

// sweep removes the blobs that no record names.
func (s *Service) sweep() error {
	live := map[blob.ID]bool{}
	keep := func(p ...piece) {
		for i := range p {
			live[p[i].Blob] = true
		}
	}
	err := s.cfg.DB.View(func(tx state.Tx) error {
		for _, table := range []state.Table[object]{objects, history} {
			err := table.Scan(tx, "", func(_ string, o object) (bool, error) {
				keep(o.Pieces...)
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return parts.Scan(tx, "", func(_ string, p part) (bool, error) {
			keep(p.Piece)
			return true, nil
		})
	})
	if err != nil {
		return fmt.Errorf("find the blobs in use: %w", err)
	}
	removed, err := s.blobs.Sweep(func(id blob.ID) bool { return live[id] })
	if removed > 0 {
		s.cfg.Log.Info("removed object bytes that were never acknowledged", slog.Int("blobs", removed))
	}
	return err
}

// discard removes content that no record names any more. If that fails, the next
// start does it; the client's request succeeded all the same.
func (s *Service) discard(p pieces) {
	if len(p) > 0 {
		s.removed(s.blobs.Remove(p.blobs()...))
	}
}

func (s *Service) removed(err error) {
	if err != nil {
		s.cfg.Log.Warn("removing object bytes failed; the next start will retry", slog.Any("error", err))
	}
}
