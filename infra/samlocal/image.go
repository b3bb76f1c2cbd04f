package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
)

// standIn is the name of the image that takes the place of Amazon's.
const standIn = "portcullis-stand-in:latest"

// findBusybox returns the path of the program, which must need no library.
func findBusybox() (string, error) {
	const install = "on Debian: apt-get install busybox-static"
	file, err := exec.LookPath("busybox")
	if err != nil {
		return "", errors.New("busybox is missing; " + install)
	}
	program, err := elf.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	defer program.Close()
	interpreted := func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }
	if slices.ContainsFunc(program.Progs, interpreted) {
		return "", fmt.Errorf("%s is not static; %s", file, install)
	}
	return file, nil
}

// rootFileSystem returns, as a tar archive, the folders that Lambda has and one
// static program, for the commands with which SAM adds Amazon's runtime emulator.
// There is no C library: a function that needs one fails in it.
func rootFileSystem(program string) ([]byte, error) {
	busybox, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	headers := []*tar.Header{{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))}}
	for _, command := range []string{"sh", "mv", "chmod"} {
		headers = append(headers, &tar.Header{Typeflag: tar.TypeSymlink, Name: path.Join("bin", command), Linkname: "busybox", Mode: 0o777})
	}
	for _, folder := range []string{"etc", "opt", "var/runtime", "var/task"} {
		headers = append(headers, &tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o755})
	}
	headers = append(headers, &tar.Header{Typeflag: tar.TypeDir, Name: "tmp", Mode: 0o1777})
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, header := range headers {
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := w.Write(busybox); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return archive.Bytes(), err
}
