"""Plans answers: what the language model is asked, with which voice, and how the client is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from antiphon_orchestrator.history import chat_messages
from antiphon_orchestrator.ports import ChatRequest, ToolSpec, VoiceChoice
from antiphon_orchestrator.session.config import FunctionTool, SessionConfig, ToolChoice, ToolChoiceFunction
from antiphon_orchestrator.session.conversation import Conversation, Item, UserMessage
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.mouth import Mouth
from antiphon_orchestrator.session.narrator import Narrator
from antiphon_orchestrator.session.outlet import Emit, ResponseSheet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.reply import Reply, ReplyPlan


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client's `response.create` wants otherwise than its session; None: as the session."""

    event_id: str | None = None
    out_of_band: bool = False
    items: tuple[Item, ...] | None = None
    instructions: str | None = None
    spoken: bool | None = None
    voice: str | None = None
    max_tokens: int | str | None = None
    tools: tuple[FunctionTool, ...] | None = None
    tool_choice: ToolChoice | None = None
    metadata: dict[str, str] | None = None


@dataclass(slots=True)
class Planner:
    """One session's."""

    session_id: str
    parts: Parts
    settings: SessionSettings
    mouth: Mouth
    emit: Emit
    _unset: Wish = field(default_factory=Wish)

    def reply(
        self, epoch: int, config: SessionConfig, conversation: Conversation, wish: Wish | None, pending: str = ""
    ) -> Reply:
        """An answer by the language model. `pending`: what the user said, where it is no item yet."""
        wish = wish or self._unset
        request = self.request(config, conversation, wish, pending)
        return self._made(epoch, config, conversation, wish, request, "")

    def request(
        self, config: SessionConfig, conversation: Conversation, wish: Wish | None = None, pending: str = ""
    ) -> ChatRequest:
        """What the language model is asked, or will be once the user has spoken."""
        wish = wish or self._unset
        items = list(conversation) if wish.items is None else list(wish.items)
        if pending:
            items.append(UserMessage("", pending, spoken=True))
        tools = [_spec(tool) for tool in (config.tools if wish.tools is None else wish.tools)]
        return ChatRequest(
            messages=chat_messages(
                items,
                instructions=self._instructions(config, wish),
                budget_tokens=self.settings.context_tokens - self.settings.answer_tokens,
                tools=tools,
            ),
            tools=tools,
            tool_choice=_choice(wish.tool_choice or config.tool_choice),
            temperature=self.settings.temperature,
            max_tokens=self._max_tokens(config, wish),
            model=self.settings.aliases.mind(config.model),
            conversation=self.session_id,
        )

    def say(self, epoch: int, config: SessionConfig, conversation: Conversation, text: str) -> Reply:
        """An answer with exactly this text."""
        return self._made(epoch, config, conversation, self._unset, None, text)

    def _made(
        self,
        epoch: int,
        config: SessionConfig,
        conversation: Conversation,
        wish: Wish,
        request: ChatRequest | None,
        text: str,
    ) -> Reply:
        output = config.audio.output
        voice = output.voice_name if wish.voice is None else wish.voice
        spoken = config.output_modalities == ["audio"] if wish.spoken is None else wish.spoken
        sheet = ResponseSheet(
            new_id("resp"),
            spoken,
            voice=voice,
            media_type=output.format.type,
            conversation_id=None if wish.out_of_band else conversation.id,
            metadata=wish.metadata,
            max_output_tokens=wish.max_tokens or config.max_output_tokens,
        )
        plan = ReplyPlan(
            epoch,
            request,
            text,
            spoken=spoken,
            choice=VoiceChoice(
                voice=self.settings.aliases.voice("", voice) or self.settings.voice,
                language=self.settings.language,
                speed=output.speed,
                rate_hz=output.format.rate_hz,
            ),
            turn_id=sheet.id,
            apology=self.settings.apology,
        )
        narrator = Narrator(sheet, self.emit, None if wish.out_of_band else conversation)
        return Reply(plan, narrator, self.mouth, self.parts.llm, self.session_id, new_id)

    def _instructions(self, config: SessionConfig, wish: Wish) -> str:
        if wish.instructions is not None:
            return wish.instructions
        return config.instructions or self.settings.instructions

    def _max_tokens(self, config: SessionConfig, wish: Wish) -> int:
        wanted = wish.max_tokens or config.max_output_tokens
        return self.settings.answer_tokens if isinstance(wanted, str) else min(wanted, self.settings.answer_tokens)


def _spec(tool: FunctionTool) -> ToolSpec:
    return ToolSpec(tool.name, tool.description, tool.parameters)


def _choice(choice: ToolChoice) -> str:
    return choice.name if isinstance(choice, ToolChoiceFunction) else choice
