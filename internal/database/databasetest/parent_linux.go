package databasetest

import "syscall"

// endingWithParent has the kernel end the server, however the test binary ended.
func endingWithParent(attributes syscall.SysProcAttr) *syscall.SysProcAttr {
	attributes.Pdeathsig = syscall.SIGQUIT
	return &attributes
}
