package directory

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Session is what AssumeRole decided: who the holder of temporary credentials is.
//
// Nothing is stored for a session. Its token is the session itself, sealed with a
// key of the account, as AWS's tokens are; so sessions outlive a restart, need no
// pruning, and can neither be forged nor altered.
type Session struct {
	RoleName       string
	RoleID         string // a recreated role does not revive the sessions of the old one
	Name           string
	Tags           map[string]string
	TransitiveKeys []string
	PolicyPassed   bool
	InlinePolicy   string
	PolicyARNs     []string
	SourceIdentity string
	WebIdentity    *api.WebIdentity `json:",omitempty"` // nil: not by AssumeRoleWithWebIdentity
	Issued         time.Time
	Expires        time.Time
}

// Credentials are temporary credentials.
type Credentials struct {
	AccessKeyID     string // ASIA…
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// sealed is the content of a session token.
type sealed struct {
	Secret  string
	Session Session
}

// IssueSession returns credentials for a session. Whether the session may be had is
// for the caller to decide.
func (d *Directory) IssueSession(s Session) (Credentials, error) {
	creds := Credentials{
		AccessKeyID:     prefixSession + random(16),
		SecretAccessKey: newSecret(),
		Expires:         s.Expires,
	}
	content, err := json.Marshal(sealed{Secret: creds.SecretAccessKey, Session: s})
	if err != nil {
		return Credentials{}, fmt.Errorf("encode session: %w", err)
	}
	packed, err := deflate(content)
	if err != nil {
		return Credentials{}, fmt.Errorf("compress session: %w", err)
	}
	// The access key id is authenticated with the token: neither works with another's.
	token := d.sealer.Seal(nil, nil, packed, []byte(creds.AccessKeyID))
	creds.SessionToken = base64.StdEncoding.EncodeToString(token)
	return creds, nil
}

// keptTokens is how many opened tokens are kept: of sessions that are busy at a time.
const keptTokens = 1024

// sessionToken is an access key id and the token that came with it.
type sessionToken struct{ accessKeyID, token string }

// openToken returns what IssueSession sealed for this access key. It is shared with
// every other request of the session and must not be changed.
func (d *Directory) openToken(accessKeyID, token string) (sealed, error) {
	at := sessionToken{accessKeyID, token}
	if content, ok := d.opened.Get(at); ok {
		return content, nil
	}
	content, err := d.unseal(accessKeyID, token)
	if err == nil {
		d.opened.Add(at, content)
	}
	return content, err
}

func (d *Directory) unseal(accessKeyID, token string) (sealed, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return sealed{}, errUnknownKey()
	}
	packed, err := d.sealer.Open(nil, nil, raw, []byte(accessKeyID))
	if err != nil {
		return sealed{}, errUnknownKey()
	}
	var content sealed
	// Only this account can have sealed the token, so its size needs no bound here.
	if err := json.NewDecoder(flate.NewReader(bytes.NewReader(packed))).Decode(&content); err != nil {
		return sealed{}, fmt.Errorf("decode session: %w", err)
	}
	return content, nil
}

func deflate(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func newSealingKey() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

func newSealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
