package s3api

import (
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// numberedPart is a part with its number.
type numberedPart struct {
	number int
	part
}

// partsAfter returns up to limit parts of an upload with numbers above after, in
// order, and whether there are more.
func partsAfter(tx state.Tx, uploadID string, after, limit int) (found []numberedPart, more bool, err error) {
	prefix := uploadID + "\x00"
	err = parts.Scan(tx, partKey(uploadID, after+1), func(at string, p part) (bool, error) {
		text, ok := strings.CutPrefix(at, prefix)
		if !ok {
			return false, nil
		}
		if len(found) == limit {
			more = true
			return false, nil
		}
		number, err := strconv.Atoi(text)
		found = append(found, numberedPart{number, p})
		return true, err
	})
	return found, more, err
}

// dropUpload deletes an upload's records and returns the content of its parts.
func dropUpload(tx state.Tx, at, id string) (pieces, error) {
	all, _, err := partsAfter(tx, id, 0, maxParts)
	if err != nil {
		return nil, err
	}
	var content pieces
	for _, p := range all {
		content = append(content, p.Piece)
		if err := parts.Delete(tx, partKey(id, p.number)); err != nil {
			return nil, err
		}
	}
	return content, uploads.Delete(tx, at)
}

// dropUploads does so for the uploads of a bucket that are chosen.
func dropUploads(tx state.Tx, bucket string, chosen func(key string, u upload) bool) ([]pieces, error) {
	var found []string
	err := uploads.Scan(tx, objectKey(bucket, ""), func(at string, u upload) (bool, error) {
		if !strings.HasPrefix(at, objectKey(bucket, "")) {
			return false, nil
		}
		if key, _ := splitUploadKey(at, bucket); chosen(key, u) {
			found = append(found, at)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	var content []pieces
	for _, at := range found {
		_, id := splitUploadKey(at, bucket)
		p, err := dropUpload(tx, at, id)
		if err != nil {
			return nil, err
		}
		content = append(content, p)
	}
	return content, nil
}
