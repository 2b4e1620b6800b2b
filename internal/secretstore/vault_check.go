package secretstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// vaultPath is a path in Vault without anything that a URL would have to escape.
var vaultPath = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

// maxVaultPath bounds the paths of a configuration, in characters.
const maxVaultPath = 256

func (c VaultConfig) check() error {
	return errors.Join(
		checkVaultAddress(c.Address),
		checkVaultPath("mount", c.Mount),
		checkVaultPath("pathPrefix", c.PathPrefix),
		c.checkNamespace(),
		c.Login.check(),
	)
}

func checkVaultAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return fmt.Errorf("vault.address: %w", errVaultAddress) // it may hold a password
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback) {
		return fmt.Errorf("vault.address %s: %w: tokens do not travel in the clear", address, errVaultAddress)
	}
	return nil
}

func checkVaultPath(key, path string) error {
	for element := range strings.SplitSeq(path, "/") {
		if element == "." || element == ".." {
			return fmt.Errorf("vault.%s %q: . and .. are no names", key, path)
		}
	}
	if len(path) > maxVaultPath || !vaultPath.MatchString(path) {
		return fmt.Errorf("vault.%s %q: use 1 to %d letters, digits and _.- with / between names", key, path, maxVaultPath)
	}
	return nil
}

func (c VaultConfig) checkNamespace() error {
	if c.Namespace == "" {
		return nil
	}
	return checkVaultPath("namespace", strings.TrimSuffix(c.Namespace, "/"))
}

func (l VaultLogin) check() error {
	if l.File == "" {
		return errors.New("vault.login: name the file with the token of this process")
	}
	switch l.Method {
	case VaultTokenFile:
		return nil
	case VaultKubernetes, VaultAppRole:
		if l.Role == "" {
			return fmt.Errorf("vault: the role to log in as with %s is missing", l.Method)
		}
		return checkVaultPath("authMount", l.Mount)
	}
	return fmt.Errorf("vault.auth %q: choose %s, %s or %s", l.Method, VaultKubernetes, VaultAppRole, VaultTokenFile)
}
