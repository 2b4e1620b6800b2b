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
