//go:build !linux

package databasetest

import "syscall"

// endingWithParent is for systems that do not know how: there, a test binary that is
// killed leaves its server behind.
func endingWithParent(attributes syscall.SysProcAttr) *syscall.SysProcAttr { return &attributes }
