package s3api

// checksumElements are the elements of checksums in documents.
type checksumElements struct {
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
	ChecksumSHA512    string `xml:",omitempty"`
	ChecksumMD5       string `xml:",omitempty"`
	ChecksumXXHASH64  string `xml:",omitempty"`
	ChecksumXXHASH3   string `xml:",omitempty"`
	ChecksumXXHASH128 string `xml:",omitempty"`
}

func (e *checksumElements) fields() map[string]*string {
	return map[string]*string{
		"CRC32": &e.ChecksumCRC32, "CRC32C": &e.ChecksumCRC32C, "CRC64NVME": &e.ChecksumCRC64NVME,
		"SHA1": &e.ChecksumSHA1, "SHA256": &e.ChecksumSHA256,
		"SHA512": &e.ChecksumSHA512, "MD5": &e.ChecksumMD5,
		"XXHASH64": &e.ChecksumXXHASH64, "XXHASH3": &e.ChecksumXXHASH3, "XXHASH128": &e.ChecksumXXHASH128,
	}
}

func (e *checksumElements) set(c checksum) {
	if field := e.fields()[c.Algorithm]; field != nil {
		*field = c.Value
	}
}

// needChecksum are the operations here that S3 refuses without a checksum of their
// document, as it answered others: https://github.com/versity/versitygw/issues/1040,
// https://github.com/versity/versitygw/issues/1521 and
// https://github.com/awslabs/aws-sdk-rust/issues/121. SDKs send one with more of them.
var needChecksum = map[string]bool{
	"DeleteObjects": true, "PutBucketTagging": true, "PutBucketLifecycleConfiguration": true,
}

// vouched reports whether the request says what its body's checksum is. Whether it is
// right, and well-formed at all, is checked with the body.
func (c *call) vouched() bool {
	cl, err := readClaim(c.r.Header)
	return err != nil || cl.algorithm.name != "" || c.r.Header.Get("Content-Md5") != ""
}

// values returns the elements that are there, by algorithm.
func (e *checksumElements) values() map[string]string {
	out := map[string]string{}
	for name, field := range e.fields() {
		if *field != "" {
			out[name] = *field
		}
	}
	return out
}
