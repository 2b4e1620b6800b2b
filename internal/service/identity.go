package service

import (
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/federation"
	"github.com/managedcas/managedcas/internal/signin"
)

// OIDC is the OpenID Connect provider that people sign in with. Without an issuer, nobody
// can.
type OIDC struct {
	Issuer           string   `yaml:"issuer"`
	ClientID         string   `yaml:"clientId"`
	ClientSecretFile string   `yaml:"clientSecretFile"` // at least 16 bytes
	Scopes           []string `yaml:"scopes"`           // besides openid; default profile and email
	// AllowedDomains are the domains of verified addresses that are let in; none: whoever the
	// provider knows.
	AllowedDomains []string `yaml:"allowedDomains"`
	// InstanceAdmins are the addresses of administrators, if the provider has verified them.
	InstanceAdmins []string `yaml:"instanceAdmins"`
	// LoginLifetime is how long somebody is signed in; default 12h, 5m to 168h.
	LoginLifetime time.Duration `yaml:"loginLifetime"`
}

// Federation says which CI providers are believed.
type Federation struct {
	// Issuers default to GitHub's and GitLab's; an empty list is none.
	Issuers []string `yaml:"issuers"`
}

// MinLoginLifetime keeps people from signing in all day.
const MinLoginLifetime = 5 * time.Minute

// maxSecret bounds the file of a client secret, in bytes.
const maxSecret = 4 << 10

// What Controlplane.OrganizationCreation can be.
const (
	creationByAdministrators = "administrators"
	CreationByEveryone       = "everyone"
)

// completeIdentity fills in defaults. Its error begins with the key.
func (c *Controlplane) completeIdentity() error {
	byDefault(&c.OrganizationCreation, creationByAdministrators)
	if c.OrganizationCreation != creationByAdministrators && c.OrganizationCreation != CreationByEveryone {
		return fmt.Errorf("organizationCreation is %q: %s or %s", c.OrganizationCreation, creationByAdministrators, CreationByEveryone)
	}
	if c.Federation.Issuers == nil {
		c.Federation.Issuers = federation.DefaultIssuers
	}
	for _, issuer := range c.Federation.Issuers {
		if err := federation.CheckIssuer(issuer); err != nil {
			return fmt.Errorf("federation.issuers has %q: %w", issuer, err)
		}
	}
	o := &c.OIDC
	if o.Issuer == "" {
		if o.ClientID != "" || o.ClientSecretFile != "" || len(o.AllowedDomains)+len(o.InstanceAdmins) > 0 {
			return errors.New("oidc.issuer is missing: give the URL of the OpenID Connect provider")
		}
		return nil
	}
	if o.Scopes == nil {
		o.Scopes = []string{"profile", "email"}
	}
	byDefault(&o.LoginLifetime, auth.DefaultLoginLifetime)
	return o.check(c.PublicURL)
}

func (o *OIDC) check(publicURL string) error {
	if err := checkWebURL(o.Issuer, false); err != nil {
		return fmt.Errorf("oidc.issuer is %q: %w", o.Issuer, err)
	}
	if err := checkWebURL(publicURL, true); err != nil {
		return fmt.Errorf("publicUrl is %q: %w; people sign in there", publicURL, err)
	}
	switch {
	case o.ClientID == "":
		return errors.New("oidc.clientId is missing: the provider gives one to this installation")
	case o.ClientSecretFile == "":
		return errors.New("oidc.clientSecretFile is missing: the provider gives a secret to this installation")
	case o.LoginLifetime < MinLoginLifetime || o.LoginLifetime > auth.MaxLoginLifetime:
		return fmt.Errorf("oidc.loginLifetime is %s: %s to %s", o.LoginLifetime, MinLoginLifetime, auth.MaxLoginLifetime)
	}
	for _, domain := range o.AllowedDomains {
		if domain == "" || strings.ContainsAny(domain, "@*/ ") {
			return fmt.Errorf("oidc.allowedDomains has %q: give the part after the @, such as example.com", domain)
		}
	}
	for _, address := range o.InstanceAdmins {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			return fmt.Errorf("oidc.instanceAdmins has %q: give an address such as ann@example.com", address)
		}
	}
	return nil
}

// checkWebURL refuses what nobody should be sent to: plain http is for this machine.
func checkWebURL(text string, root bool) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || root && strings.Trim(u.Path, "/") != "" {
		return errors.New("give scheme, host and port, such as https://cas.example.com")
	}
	if u.Scheme == "https" || u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) {
		return nil
	}
	return errors.New("give an https URL; http is for this machine alone")
}

// SignIn returns how people sign in, as far as it is configured.
func (c *Controlplane) SignIn() (cfg signin.Config, configured bool, err error) {
	o := c.OIDC
	if o.Issuer == "" {
		return signin.Config{}, false, nil
	}
	file, err := os.Open(o.ClientSecretFile)
	if err != nil {
		return signin.Config{}, false, fmt.Errorf("reading controlplane.oidc.clientSecretFile: %w", err)
	}
	defer file.Close()
	secret, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err == nil && len(secret) > maxSecret {
		err = fmt.Errorf("it has more than %d bytes: it is not a client secret", maxSecret)
	}
	if err != nil {
		return signin.Config{}, false, fmt.Errorf("reading controlplane.oidc.clientSecretFile: %w", err)
	}
	return signin.Config{
		PublicURL: c.PublicURL, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: strings.TrimSpace(string(secret)),
		Scopes: o.Scopes, AllowedDomains: o.AllowedDomains, InstanceAdmins: o.InstanceAdmins, LoginLifetime: o.LoginLifetime,
	}, true, nil
}
