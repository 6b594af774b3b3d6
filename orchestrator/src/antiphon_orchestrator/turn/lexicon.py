"""What people say while they listen, and what they say to stop a speaker, by language.

Phrases are written as `backchannel.normal_words` leaves them: lower case, no punctuation, words apart by one space.
Chinese and Japanese phrases are written without spaces.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language's phrases. `phantoms` are what recognisers invent for coughs, breath and keys."""

    backchannels: frozenset[str]
    commands: frozenset[str]
    phantoms: frozenset[str] = frozenset()


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split(","))


_HUMS_MISHEARD = _phrases("mama, mamma, mum, mom, homer, if heard, if i, hommer, momma, mhm hm")
"""What English recognisers write for "mm-hm" and "uh-huh". Over a reply it is the hum that was meant."""

LEXICONS: dict[str, Lexicon] = {
    "en": Lexicon(
        backchannels=_phrases(
            """
            yeah, yes, yep, yup, ya, okay, ok, k, kay, right, sure, alright, all right, cool, great, good, nice, fine,
            wow, whoa, huh, gotcha, got it, i see, i know, i understand, true, exactly, absolutely, definitely,
            totally, of course, makes sense, that makes sense, sounds good, no problem, no worries, how nice,
            how interesting, go on, go ahead, interesting, really, oh really, no way, oh no way, no kidding, fair
            enough, perfect, awesome, amazing, indeed, correct, thats right, thats true, oh my, oh my god, oh wow,
            oh no, uh oh, very good, very nice, yes please, for sure, i get it, understood
            """
        )
        | _HUMS_MISHEARD,
        commands=_phrases(
            """
            stop, stop it, stop that, wait, wait a minute, wait a second, wait a moment, hold on, hang on, no, nope,
            nah, hello, hey, hi, excuse me, pause, quiet, be quiet, silence, shut up, enough, thats enough, cancel,
            never mind, nevermind, forget it, sorry, pardon, what, why, who, how, when, where, which, actually, but,
            one moment, one second, just a moment, just a second, just a minute, listen, next, skip, repeat, again,
            say that again, come again, louder, slower, faster, help
            """
        ),
        phantoms=_phrases(
            """
            you, thank you, thanks, thank you very much, thank you so much, bye, bye bye, goodbye, so, the, a, i, and,
            oh, it, its, im, is, her, he, music, applause, laughter, coughing, cough, coughs, sneezes, sighs, typing,
            noise, clears throat
            """
        ),
    ),
    "es": Lexicon(
        backchannels=_phrases(
            """
            sí, si, ya, vale, claro, claro que sí, bueno, bien, muy bien, okay, ok, okey, de acuerdo, entiendo,
            entendido, ya veo, ya entiendo, exacto, exactamente, perfecto, genial, correcto, cierto, es verdad,
            verdad, en serio, no me digas, anda, guau, por supuesto, desde luego, sigue, continúa, ajá, aja, ajam,
            eso, eso es, así es, qué bien, qué bueno, sale, órale, dale
            """
        ),
        commands=_phrases(
            """
            para, pare, basta, ya basta, alto, espera, espere, espérate, un momento, un segundo, un minuto, momento,
            no, nada, hola, oye, oiga, perdón, perdona, perdone, disculpa, disculpe, silencio, cállate, cállese,
            cancela, cancelar, olvídalo, déjalo, qué, que, cómo, cuándo, dónde, por qué, quién, cuál, pero, escucha,
            escuche, repite, repita, otra vez, siguiente, ayuda, detente, deténgase, stop
            """
        ),
        phantoms=_phrases("gracias, muchas gracias, adiós, chao, y, el, la"),
    ),
    "de": Lexicon(
        backchannels=_phrases(
            """
            ja, jaja, jo, jep, jawohl, okay, ok, gut, sehr gut, genau, ganz genau, richtig, stimmt, klar, na klar,
            alles klar, verstehe, ich verstehe, verstanden, aha, achso, ach so, ach, ach ja, ach was, so, soso, schön,
            super, prima, toll, in ordnung, natürlich, sicher, eben, echt, wirklich, tatsächlich, wow, na gut, weiter,
            mach weiter, passt, gern, gerne, doch, interessant, perfekt, wahnsinn
            """
        ),
        commands=_phrases(
            """
            stopp, stop, halt, halt mal, warte, warte mal, warten sie, moment, moment mal, einen moment,
            einen augenblick, augenblick, sekunde, nein, nee, nö, ne, hallo, hey, entschuldigung, entschuldige, sorry,
            verzeihung, ruhe, still, sei still, schluss, genug, das reicht, es reicht, abbrechen, abbruch, vergiss es,
            egal, was, wie, wie bitte, warum, wieso, wer, wo, wann, welche, aber, hör mal, hör zu, hör auf, nochmal,
            noch mal, noch einmal, nächste, lauter, langsamer, hilfe, pause
            """
        ),
        phantoms=_phrases("danke, vielen dank, danke schön, tschüss, und, die, der, das"),
    ),
    "fr": Lexicon(
        backchannels=_phrases(
            """
            oui, ouais, ouai, ouep, si, okay, ok, daccord, dac, dacc, bien, très bien, bon, ah bon, ah oui, ah ouais,
            bien sûr, exactement, exact, tout à fait, voilà, cest ça, cest vrai, vrai, vraiment, je vois,
            je comprends, compris, entendu, parfait, super, génial, carrément, effectivement, absolument, en effet,
            certes, continue, continuez, vas y, allez y, ça marche, ça roule, tiens, ah daccord, intéressant
            """
        ),
        commands=_phrases(
            """
            stop, arrête, arrêtez, attends, attendez, attends un peu, un instant, un moment, une seconde, une minute,
            non, nan, allô, allo, bonjour, hé, eh, pardon, excusez moi, excuse moi, désolé, silence, tais toi,
            taisez vous, chut, assez, ça suffit, cest bon, annule, annulez, laisse tomber, quoi, comment, pourquoi,
            qui, où, quand, quel, quelle, mais, écoute, écoutez, répète, répétez, encore, suivant, plus fort, aide,
            pause
            """
        ),
        phantoms=_phrases("merci, merci beaucoup, au revoir, et, le, la"),
    ),
    "zh": Lexicon(
        backchannels=_phrases(
            """
            嗯, 嗯嗯, 对, 对对, 对对对, 对的, 是, 是的, 是啊, 好, 好的, 好吧, 好啊, 行, 行吧, 可以, 哦, 噢, 喔, 啊,
            哈, 呃, 没错, 明白, 明白了, 知道, 知道了, 我知道, 懂了, 了解, 真的, 真的吗, 是吗, 当然, 原来如此, 不错,
            太好了, 继续, 这样啊, 这样, 哇, 對, 對對, 對對對, 對的, 沒錯, 當然, 真的嗎, 是嗎, 繼續, 這樣啊, 這樣, 瞭解
            """
        ),
        commands=_phrases(
            """
            停, 停下, 停一下, 停止, 别说了, 不要说了, 等, 等等, 等一下, 等会儿, 稍等, 不, 不是, 不对, 不行, 不要, 喂,
            你好, 安静, 闭嘴, 够了, 取消, 算了, 什么, 为什么, 怎么, 谁, 哪里, 但是, 可是, 再说一遍, 下一个, 对不起,
            不好意思, 打断一下, 救命, 別說了, 不要說了, 等會兒, 不對, 安靜, 閉嘴, 夠了, 什麼, 為什麼, 怎麼, 誰, 哪裡,
            再說一遍, 下一個, 對不起, 打斷一下
            """
        ),
        phantoms=_phrases("谢谢, 谢谢大家, 再见, 謝謝, 再見, 字幕"),
    ),
    "ja": Lexicon(
        backchannels=_phrases(
            """
            はい, はいはい, ええ, うん, うんうん, ううん, ああ, あー, おー, へえ, へぇ, ふーん, ふうん, ほう, そう,
            そうそう, そうだね, そうですね, そうですか, そうなんだ, そうなんですか, なるほど, なるほどね, 確かに,
            たしかに, 本当, 本当に, ほんと, ほんとに, まじ, マジ, すごい, いいね, いいですね, わかった, わかりました,
            分かった, 分かりました, 了解, 了解です, もちろん, オッケー, オーケー, 続けて, ですね, だね, ね, えーと,
            えっと, ええと, あの, あのー
            """
        ),
        commands=_phrases(
            """
            止めて, やめて, とめて, 止まって, ストップ, 待って, まって, ちょっと待って, ちょっとまって, ちょっと,
            いや, いいえ, 違う, ちがう, 違います, もしもし, こんにちは, すみません, すいません, 静かに, うるさい,
            もういい, もういいです, キャンセル, 何, なに, なんで, どうして, なぜ, 誰, だれ, どこ, いつ, でも, えっ,
            え, もう一度, もう一回, 次, ごめん, 助けて
            """
        ),
        phantoms=_phrases(
            """
            ありがとう, ありがとうございます, ありがとうございました, おやすみなさい, バイバイ, さようなら
            """
        ),
    ),
}


INVENTIONS = _phrases(
    """
    thanks for watching, thank you for watching, please subscribe, subtitles by the amara org community, blank audio,
    inaudible, subtítulos por la comunidad de amara org, untertitel der amara org community,
    untertitel im auftrag des zdf für funk 2017, untertitelung des zdf 2020, sous titrage st 501,
    sous titres réalisés par la communauté damara org, 谢谢观看, 謝謝觀看, 请不吝点赞, 請不吝點贊, 字幕by索兰娅,
    ご視聴ありがとうございました, ご視聴ありがとうございます
    """
)
"""What recognisers learnt from films and say of any noise; nobody tells it to a voice server."""


def _everything() -> Lexicon:
    every = LEXICONS.values()
    return Lexicon(
        frozenset().union(*(one.backchannels for one in every)),
        frozenset().union(*(one.commands for one in every)),
        frozenset().union(*(one.phantoms for one in every)),
    )


ANY_LANGUAGE = _everything()
"""For speech in a language nobody told us: every language's phrases; a command wins over a backchannel."""


def lexicon_for(language: str) -> Lexicon:
    """The phrases of a language tag such as "en", "pt-BR" or ""."""
    return LEXICONS.get(language.replace("_", "-").split("-")[0].lower(), ANY_LANGUAGE)
