package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// makeFolder makes the data folder for its owner alone, or checks that it is.
func makeFolder(dir string) error {
	if there, err := os.Stat(dir); err == nil && !there.IsDir() {
		return fmt.Errorf("data folder: %s is a file, not a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return private(dir, info, 0o700)
}

// checkPrivate returns an error if others may do anything with the file, or if
// it is not a file.
func checkPrivate(file string, most fs.FileMode) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file)
	}
	return private(file, info, most)
}

func private(name string, info fs.FileInfo, most fs.FileMode) error {
	if extra := info.Mode().Perm() &^ most; extra != 0 {
		return fmt.Errorf("%s has permissions %#o, which let others in; run: chmod %o %s",
			name, info.Mode().Perm(), most, name)
	}
	return nil
}

// createFile puts a file there as a whole or not at all, for its owner alone,
// and has it on the disk before it returns.
func createFile(name string, content []byte) error {
	dir := filepath.Dir(name)
	file, err := os.CreateTemp(dir, filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return err
	}
	return syncFolder(dir)
}

// syncFolder has the names in a folder on the disk.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
