from __future__ import annotations

import pytest
from antiphon_core.store import Store
from antiphon_core.store.checksum import sha256_of
from store.world import Shown, entry_of

HIBARI_SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_real_weights_come_from_the_package_index_with_progress(store: Store, shown: Shown) -> None:
    # A piece's checksum is not known, so that the package is downloaded even where it is installed.
    source = {"concat": ["pypi:hibari-tts==0.2.1#hibari/assets/hibari.onnx"]}
    file = {"path": "hibari.onnx", "sha256": HIBARI_SHA256, "size_bytes": 7_936_868, "sources": [source]}
    folder = store.get(entry_of(file, id="hibari"))
    assert sha256_of(folder / "hibari.onnx") == HIBARI_SHA256
    assert shown.lines == ["hibari: Apache-2.0, 7.9 MB"]
    assert len(set(shown.bars[0].steps)) > 2
