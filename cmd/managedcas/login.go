package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

// The configuration file keeps a login under the key that existing clients use for theirs
// (facts WIRE §1.1), in a directory of our own, and beside it whom the login is for: it is
// shown to no other control plane.
const (
	authTable = "auth"
	tokenKey  = "token"
	planeKey  = "control-plane"
	expiryKey = "expires"
)

// loginFile is the configuration file of a user.
type loginFile string

// userFile returns the one of the user who runs this process.
func userFile() (loginFile, error) {
	dir, err := os.UserConfigDir() // $XDG_CONFIG_HOME, or else ~/.config
	if err != nil {
		return "", problem.Wrap(err, problem.Precondition, "there is no place for a login", "set HOME or XDG_CONFIG_HOME")
	}
	return loginFile(filepath.Join(dir, "managedcas", "config.toml")), nil
}

// stored is a login in the file.
type stored struct {
	token, plane string
	expires      time.Time
}

// read returns what the file has, and the login in it.
func (f loginFile) read() (map[string]any, stored, error) {
	content := map[string]any{}
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return content, stored{}, nil
	}
	if err != nil {
		return nil, stored{}, problem.Wrap(err, problem.Precondition, "the login cannot be read from "+string(f), "may this user read the file?")
	}
	if err := toml.Unmarshal(text, &content); err != nil {
		return nil, stored{}, problem.Wrap(err, problem.Precondition, string(f)+" is no TOML", "repair the file, or remove it and sign in again")
	}
	table, _ := content[authTable].(map[string]any)
	var login stored
	login.token, _ = table[tokenKey].(string)
	login.plane, _ = table[planeKey].(string)
	login.expires, _ = table[expiryKey].(time.Time)
	return content, login, nil
}

// keep writes a login into the file, or takes it out when it is nil. What else is
// set there stays; comments do not.
func (f loginFile) keep(plane string, login *client.Login) error {
	content, _, err := f.read()
	if err != nil {
		return err
	}
	if login == nil {
		delete(content, authTable)
	} else {
		content[authTable] = map[string]any{tokenKey: login.Token, planeKey: plane, expiryKey: login.ExpiresAt.UTC().Truncate(time.Second)}
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(content); err != nil {
		return fmt.Errorf("writing %s: %w", f, err)
	}
	if err := f.replace(text.Bytes()); err != nil {
		return problem.Wrap(err, problem.Precondition, "the login cannot be kept in "+string(f), "may this user write there?")
	}
	return nil
}

// replace writes the file whole or not at all, readable by its owner alone.
func (f loginFile) replace(text []byte) error {
	dir := filepath.Dir(string(f))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(dir, ".config-*.toml") // mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	err = errors.Join(err, next.Close())
	if err == nil {
		err = os.Rename(next.Name(), string(f))
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
