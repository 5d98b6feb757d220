"""What a disk may hold after a power cut, from the calls that shim.so wrote down.

A write counts for sure once its file was synced, a name once its folder was. What is not sure is there or
not, each block of 4096 bytes and each name by itself, in any order: the worst that POSIX allows. A disk that
lies has synced nothing since the calls began."""
import os

BLOCK = 4096
CREATE, RENAME, LINK, REMOVE, MAKE = range(5)


class File:
    """One file whatever its names are: its bytes before, and (call, offset, bytes) or (call, None, size)."""

    def __init__(self, data=b""):
        self.data, self.changes, self.synced = data, [], []

    def last_sync(self, k, lies):
        return 0 if lies else max((s for s in self.synced if s <= k), default=0)


class Disk:
    """calls: of one run; under: the folder as it was before, on the disk for sure. forget: kinds of calls that are
    taken as not made."""

    def __init__(self, calls, data, under, before, forget=()):
        self.under, self.names, self.folder_syncs = under, [], {}
        self.start = {name: File(content) for name, content in before.items()}
        now, open_files = dict(self.start), {}
        self.folders = {""} | {os.path.dirname(name) for name in before}
        for call in calls:
            if call.result < 0 or call.kind in forget:
                continue
            self.take(call, data, now, open_files)
        self.last = calls[-1].k

    def name(self, path):
        return os.path.relpath(path, self.under).replace("./", "") if path != self.under else ""

    def take(self, call, data, now, open_files):
        k, name = call.k, self.name(call.path) if call.path else None
        if call.kind in ("create", "open"):
            if call.kind == "create":
                now[name] = File()
                self.names.append((k, CREATE, name, now[name]))
            open_files[call.fd] = now.get(name)
        elif call.kind == "folder":
            open_files[call.fd] = name
        elif call.kind in ("write", "pwrite"):
            open_files[call.fd].changes.append((k, call.a, data[call.c:call.c + call.b]))
        elif call.kind == "ftruncate":
            open_files[call.fd].changes.append((k, None, call.a))
        elif call.kind in ("fsync", "fdatasync"):
            file = open_files[call.fd]
            if isinstance(file, File):
                file.synced.append(k)
            else:
                self.folder_syncs.setdefault(file, []).append(k)
        elif call.kind == "syncfs":
            for file in set(now.values()):
                file.synced.append(k)
            for folder in {os.path.dirname(n) for n in now} | self.folders:
                self.folder_syncs.setdefault(folder, []).append(k)
        elif call.kind in ("rename", "link"):
            to = self.name(call.other)
            if call.kind == "link":
                now[to] = now[name]
                self.names.append((k, LINK, name, to, now[to]))
            elif name in now and now.get(to) is not now[name]:
                now[to] = now.pop(name)
                self.names.append((k, RENAME, name, to, now[to]))
            else:                              # a folder
                for old in [n for n in now if n.startswith(name + "/")]:
                    now[to + old[len(name):]] = now.pop(old)
                self.names.append((k, RENAME, name, to, None))
        elif call.kind == "unlink":
            now.pop(name, None)
            self.names.append((k, REMOVE, name))
        elif call.kind == "mkdir":
            self.folders.add(name)
            self.names.append((k, MAKE, name))

    # ---- a state ----------------------------------------------------------------------------------------

    def content(self, file, k, how, rng, lies):
        """The bytes of a file after call k."""
        sure = file.last_sync(k, lies)
        data = bytearray(file.data)
        size = None
        for at, offset, change in file.changes:
            if at > k:
                break
            kept = at <= sure or how == "all"
            if offset is None:
                if kept or rng.random() < 0.5:
                    del data[change:]
                    data.extend(bytes(change - len(data)))
                continue
            if kept:
                self.put(data, offset, change)
                continue
            size = max(size or 0, offset + len(change))
            if how == "none" or how == "names":
                continue
            for begin in range(offset - offset % BLOCK, offset + len(change), BLOCK):
                lo, hi = max(begin, offset), min(begin + BLOCK, offset + len(change))
                if rng.random() < 0.5:
                    if rng.random() < 0.1:     # torn: only the front of it
                        hi = rng.randint(lo, hi)
                    self.put(data, lo, change[lo - offset:hi - offset])
        # The length is a fact of its own: it may be there without the bytes.
        if size and size > len(data) and rng.random() < 0.5:
            data.extend(bytes(size - len(data)))
        return bytes(data)

    @staticmethod
    def put(data, offset, change):
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        data[offset:offset + len(change)] = change

    def is_sure(self, k, at, path, lies):
        folder = os.path.dirname(path)
        return not lies and any(at <= s <= k for s in self.folder_syncs.get(folder, ()))

    def state(self, k, how, rng, lies=False):
        """({name: File}, {folders}) after call k. how: "all", "none", "names" (these alone), "some"."""
        files, folders = dict(self.start), {""} | {os.path.dirname(n) for n in self.start}
        for change in self.names:
            at, kind = change[0], change[1]
            if at > k:
                break
            path = change[3] if kind in (RENAME, LINK) else change[2]
            if not self.is_sure(k, at, path, lies) and how != "all" and how != "names" \
                    and (how == "none" or rng.random() < 0.5):
                continue
            self.apply(files, folders, change)
        there = {f for f in folders if all(part in folders for part in self.above(f))}
        return {n: f for n, f in files.items() if os.path.dirname(n) in there}, there

    @staticmethod
    def above(folder):
        while folder:
            yield folder
            folder = os.path.dirname(folder)

    @staticmethod
    def apply(files, folders, change):
        kind = change[1]
        if kind == CREATE:
            files[change[2]] = change[3]
        elif kind == MAKE:
            folders.add(change[2])
        elif kind == REMOVE:
            files.pop(change[2], None)
        elif change[4] is None:
            for old in [n for n in files if n.startswith(change[2] + "/")]:
                files[change[3] + old[len(change[2]):]] = files.pop(old)
            folders.discard(change[2])
            folders.add(change[3])
        else:
            if kind == RENAME:
                files.pop(change[2], None)
            files[change[3]] = change[4]

    def bytes_of(self, files, k, how, rng, lies=False):
        done = {}
        for file in files.values():
            if file not in done:
                done[file] = self.content(file, k, how, rng, lies)
        return {name: done[file] for name, file in files.items()}


def lay(folder, files, folders):
    """Puts a state into an empty folder."""
    for name in sorted(folders):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
