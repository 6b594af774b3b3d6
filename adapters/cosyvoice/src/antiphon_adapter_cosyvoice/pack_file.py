"""Reading `pack.yaml`; `docs/cosyvoice.md` has its layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml
from antiphon_core.errors import BadSettings

from antiphon_adapter_cosyvoice.pack import PACK_FILE, Mode, Pack, Voice

_PACK_KEYS = ("id", "licence", "model", "languages", "default_voice", "voices")
_VOICE_KEYS = ("mode", "clip", "transcript", "instruct", "speaker", "languages", "description")
_MODES = [mode.value for mode in Mode]


def find_packs(folders: Iterable[Path]) -> dict[str, Pack]:
    """Every pack by its id: the folders themselves, and the folders in them."""
    packs: dict[str, Pack] = {}
    for path in (path for folder in folders for path in _pack_files(folder)):
        pack = read_pack(path)
        if pack.id in packs:
            _refuse(path, f"its id {pack.id!r} is that of {packs[pack.id].folder}; give each pack an id of its own")
        packs[pack.id] = pack
    return packs


def read_pack(path: Path) -> Pack:
    """The pack that a `pack.yaml` describes."""
    return _File(path).pack()


def _pack_files(folder: Path) -> Iterator[Path]:
    for place in (folder, *(sorted(folder.iterdir()) if folder.is_dir() else ())):
        if (place / PACK_FILE).is_file():
            yield place / PACK_FILE


class _File:
    """One file, and what must be said of it where it is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = path.parent
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            _refuse(path, f"it is not YAML: {error}")
        self._content = self._mapping(content, "the file", _PACK_KEYS)

    def pack(self) -> Pack:
        content = self._content
        licence = self._text(content, "licence")
        if not licence:
            _refuse(self._path, "`licence` is missing; name that of the weights, such as Apache-2.0")
        described = content.get("voices")
        if not isinstance(described, dict) or not described:
            _refuse(self._path, "`voices` names no voice; a pack has at least one")
        voices = tuple(self._voice(str(name), of_voice) for name, of_voice in described.items())
        default = self._text(content, "default_voice") or voices[0].id
        if default not in described:
            _refuse(self._path, f"`default_voice` is {default!r}; its voices are {', '.join(map(str, described))}")
        model = self._folder / (self._text(content, "model") or ".")
        return Pack(self._text(content, "id") or self._folder.name, self._folder, model, licence, voices, default)

    def _voice(self, name: str, described: Any) -> Voice:
        where = f"voice {name!r}"
        content = self._mapping(described, where, _VOICE_KEYS)
        mode = self._text(content, "mode") or Mode.ZERO_SHOT.value
        if mode not in _MODES:
            _refuse(self._path, f"{where}: `mode` is {mode!r}; it is one of {', '.join(_MODES)}")
        clip = self._folder / self._text(content, "clip") if content.get("clip") else None
        voice = Voice(
            id=name,
            mode=Mode(mode),
            languages=self._languages(content, where),
            description=self._text(content, "description"),
            clip=clip,
            transcript=self._text(content, "transcript") or _beside(clip),
            instruct=self._text(content, "instruct"),
            speaker=self._text(content, "speaker"),
        )
        self._check(voice, where)
        return voice

    def _check(self, voice: Voice, where: str) -> None:
        """Refuses a voice that lacks what its mode needs, or that says more than its mode uses."""
        if (voice.mode is Mode.SPEAKER) != bool(voice.speaker):
            _refuse(self._path, f"{where}: `speaker` names a saved speaker, and belongs to the mode speaker alone")
        if (voice.mode is Mode.SPEAKER) == bool(voice.clip):
            _refuse(self._path, f"{where}: `clip` names its recording; every mode but speaker needs one")
        if voice.mode is Mode.ZERO_SHOT and not voice.transcript:
            _refuse(
                self._path,
                f"{where}: the words of its clip are missing; write them as `transcript`, or beside the clip in a file "
                "of the same name that ends in .txt, or say `mode: cross_lingual`, which needs none",
            )
        if (voice.mode is Mode.INSTRUCT) != bool(voice.instruct):
            _refuse(self._path, f"{where}: `instruct` says how to speak, and belongs to the mode instruct alone")

    def _languages(self, content: Mapping[str, Any], where: str) -> tuple[str, ...]:
        languages = content.get("languages", self._content.get("languages"))
        if not isinstance(languages, list) or not languages or not all(isinstance(tag, str) for tag in languages):
            _refuse(self._path, f"{where}: `languages` is a list of BCP 47 tags such as [en, zh], here or for the pack")
        return tuple(languages)

    def _mapping(self, content: Any, where: str, allowed: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(content, dict):
            _refuse(self._path, f"{where} holds no names with values; it may have {', '.join(allowed)}")
        if unknown := [str(key) for key in content if key not in allowed]:
            _refuse(self._path, f"{where} has {', '.join(unknown)}; it may have {', '.join(allowed)}")
        return content

    def _text(self, content: Mapping[str, Any], key: str) -> str:
        value = content.get(key, "")
        if not isinstance(value, str):
            _refuse(self._path, f"`{key}` is {value!r}; it is a text")
        return value.strip()


def _beside(clip: Path | None) -> str:
    """The words of a clip, where a text of its name lies beside it."""
    path = clip.with_suffix(".txt") if clip is not None else None
    return path.read_text(encoding="utf-8").strip() if path is not None and path.is_file() else ""


def _refuse(path: Path, what: str) -> NoReturn:
    raise BadSettings(f"voice pack {path}: {what}", subject=str(path))
